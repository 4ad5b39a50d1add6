model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
    compression = "snappy"
  }
}

job "k" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "k"
    format = "csv"
    compression = "snappy"
  }
}

job "l" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "l"
    compression = "gzp"
  }
}
