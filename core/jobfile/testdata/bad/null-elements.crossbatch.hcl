model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["a", null]
    key = ["a", null]
  }
  output {
    destination = "out/"
  }
}
