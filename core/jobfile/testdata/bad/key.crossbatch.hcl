model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
    key = []
  }
  output {
    destination = "out/"
  }
}
job "k" {
  model = model.m
  input {
    source = ["in.jsonl"]
    key = ""
  }
  output {
    destination = "k"
  }
}
job "l" {
  model = model.m
  input {
    source = ["in.jsonl"]
    key = ["a", "", "a"]
  }
  output {
    destination = "l"
  }
}
