model "m" {
  artifact = "m.onnx"
}

job "j" {