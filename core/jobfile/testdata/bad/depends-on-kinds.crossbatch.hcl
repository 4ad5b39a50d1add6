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
  depends_on = job.a
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "b/"
  }
}

job "c" {
  model = model.m
  depends_on = ["job.a"]
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "c/"
  }
}

job "d" {
  model = model.m
  depends_on = [model.m]
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "d/"
  }
}

job "e" {
  model = model.m
  depends_on = [null]
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "e/"
  }
}
