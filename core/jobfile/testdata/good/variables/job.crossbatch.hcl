model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
    key    = var.nothing
  }
  output {
    destination = "out"
  }
}
