model "m" {
  artifact = "m.onnx"
}

job "j0" {
  model = model.m
  count = -1
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out0/${count.index}"
  }
}
job "j1" {
  model = model.m
  count = 1.5
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out1/${count.index}"
  }
}
job "j2" {
  model = model.m
  count = "many"
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out2/${count.index}"
  }
}
job "j3" {
  model = model.m
  count = 20000
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out3/${count.index}"
  }
}
job "j4" {
  model = model.m
  count = 1e30
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out4/${count.index}"
  }
}
