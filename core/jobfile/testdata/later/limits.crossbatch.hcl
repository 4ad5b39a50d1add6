model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  limits {
    timeout = "2h"
    cost = 5
    retries = 3
  }
  batching {
    payload = "6MiB"
    concurrency = 2
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
