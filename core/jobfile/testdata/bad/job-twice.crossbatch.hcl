model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "a/"
  }
}

job "b" {
  model = model.m
  depends_on = [job.a, job.a]
  input {
    source = [job.a, "x.jsonl", job.a]
  }
  output {
    destination = "b/"
  }
}
