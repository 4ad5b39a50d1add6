model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  limits {
  }
  limits {
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
