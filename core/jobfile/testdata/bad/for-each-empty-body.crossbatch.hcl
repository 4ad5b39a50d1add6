model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  for_each = {}
  input {
    source = []
    format = "xml"
  }
  output {
    destination = "out/"
  }
}
