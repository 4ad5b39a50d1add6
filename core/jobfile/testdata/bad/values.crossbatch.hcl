model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
    format = "jsn"
    empty = "maybe"
    staging = "sometimes"
  }
  output {
    destination = "out"
    format = "xml"
    existing = "append"
    compression = "brotli"
  }
}
