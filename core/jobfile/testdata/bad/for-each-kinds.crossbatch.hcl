model "m" {
  artifact = "m.onnx"
}

job "j0" {
  model = model.m
  for_each = "a"
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out0/"
  }
}
job "j1" {
  model = model.m
  for_each = toset([1, 2])
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out1/"
  }
}
job "j2" {
  model = model.m
  for_each = toset([""])
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out2/"
  }
}
job "j3" {
  model = model.m
  for_each = null
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out3/"
  }
}
job "j4" {
  model = model.m
  for_each = 5
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out4/"
  }
}
