model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  compute {
    instances = 0
    cpus      = "many"
    memory    = "16GB"
    machine   = ""
    spot      = 2
    gpu {
      count = 0
    }
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
