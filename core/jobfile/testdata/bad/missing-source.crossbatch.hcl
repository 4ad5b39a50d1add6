model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    format = "csv"
  }
  output {
    destination = "out/"
  }
}
