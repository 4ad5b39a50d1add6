model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = fileset("nowhere", "*.jsonl")
    key = fileset(".", "[")
  }
  output {
    destination = "out/"
  }
}
