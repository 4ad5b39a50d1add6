model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  provider = provider.local.here
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
