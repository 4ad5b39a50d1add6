model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = [job.a]
  }
  output {
    destination = "a/"
  }
}
