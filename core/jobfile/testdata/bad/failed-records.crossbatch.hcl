model "m" {
  artifact = "m.onnx"
}

job "f0" {
  model = model.m
  limits {
    failed_records = -1
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "f0"
  }
}
job "f1" {
  model = model.m
  limits {
    failed_records = 1.5
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "f1"
  }
}
job "f2" {
  model = model.m
  limits {
    failed_records = "101%"
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "f2"
  }
}
job "f3" {
  model = model.m
  limits {
    failed_records = "some"
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "f3"
  }
}
job "f4" {
  model = model.m
  limits {
    failed_records = true
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "f4"
  }
}
job "f5" {
  model = model.m
  limits {
    failed_records = []
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "f5"
  }
}
