provider "local" "a" {
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  provider = "local.a"
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
job "k" {
  model = model.m
  placement {
    providers = ["local.a"]
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
  placement {
    providers = provider.local.a
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "l"
  }
}
job "n" {
  model = model.m
  placement {
    providers = []
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "n"
  }
}
