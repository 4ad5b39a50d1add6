model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = "in.jsonl"
  }
  output {
    destination = "a/"
  }
}

job "b" {
  model = model.m
  input {
    source = job.a
  }
  output {
    destination = "b/"
  }
}

job "c" {
  model = model.m
  input {
    source = [null]
  }
  output {
    destination = "c/"
  }
}

job "d" {
  model = model.m
  input {
    source = [["x"]]
  }
  output {
    destination = "d/"
  }
}

job "e" {
  model = model.m
  input {
    source = [model.m]
  }
  output {
    destination = "e/"
  }
}

job "f" {
  model = model.m
  input {
    source = { a = "x" }
  }
  output {
    destination = "f/"
  }
}
