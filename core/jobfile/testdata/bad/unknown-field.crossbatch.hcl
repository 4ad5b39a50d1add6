model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    sorce = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
