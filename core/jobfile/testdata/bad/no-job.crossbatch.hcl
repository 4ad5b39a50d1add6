model "m" {
  artifact = "m.onnx"
}

