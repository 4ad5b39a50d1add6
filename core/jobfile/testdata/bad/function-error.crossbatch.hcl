model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = [file("nope.txt"), jsondecode("{"), env("NOPE"), join(",", 1)]
  }
  output {
    destination = "out/"
  }
}
