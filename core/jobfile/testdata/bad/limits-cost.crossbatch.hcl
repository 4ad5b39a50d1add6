model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  limits {
    cost = 0
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}

job "k" {
  model = model.m
  limits {
    cost = "cheap"
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "k"
  }
}

job "l" {
  model = model.m
  limits {
    cost = -3.5
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "l"
  }
}

job "m" {
  model = model.m
  limits {
    cost = 1e13
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "m"
  }
}
