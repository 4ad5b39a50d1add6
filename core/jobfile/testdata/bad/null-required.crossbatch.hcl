model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = null
  }
  output {
    destination = null
  }
}
