model "m" {
  artifact = "m.onnx"
}

job "jÿ" {
}
