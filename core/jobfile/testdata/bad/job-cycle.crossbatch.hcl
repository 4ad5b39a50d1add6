model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = [job.b]
  }
  output {
    destination = "a/"
  }
}

job "b" {
  model = model.m
  depends_on = [job.c]
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "b/"
  }
}

job "c" {
  model = model.m
  input {
    source = [job.a]
  }
  output {
    destination = "c/"
  }
}
