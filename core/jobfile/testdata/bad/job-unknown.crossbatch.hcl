model "m" {
  artifact = "m.onnx"
}

job "load" {
  model = model.m
  depends_on = [job.laod, job.nothing_like_it]
  input {
    source = [job.lod]
  }
  output {
    destination = "a/"
  }
}
