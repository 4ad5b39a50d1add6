model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
job "b" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "./x/../out"
  }
}
