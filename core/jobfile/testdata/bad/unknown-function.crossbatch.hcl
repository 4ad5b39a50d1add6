model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = [lowr("X"), timestamp()]
  }
  output {
    destination = "out/"
  }
}
