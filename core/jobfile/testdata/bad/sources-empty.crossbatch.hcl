model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = []
  }
  output {
    destination = "out/"
  }
}
