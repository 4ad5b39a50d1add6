model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  env = "x"
  labels = { a = null }
  compute {
    cpus = "many"
    instances = 0
    memory = 16
    spot = 1
    machine = ""
    gpu {
      count = 1.5
    }
  }
  batching {
    records = -5
  }
  input {
    source = "in.jsonl"
    key = { a = 1 }
    csv {
      header = "perhaps"
    }
  }
  output {
    destination = ["out"]
  }
}
