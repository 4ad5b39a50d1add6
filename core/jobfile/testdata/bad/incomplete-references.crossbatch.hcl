model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model
  provider = provider.local
  input {
    source = [var]
  }
  output {
    destination = "out/"
  }
}
