model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
    format = csv
  }
  output {
    destination = "out/"
  }
}
