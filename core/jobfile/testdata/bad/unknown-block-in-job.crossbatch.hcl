model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  limit {
    retries = 2
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
