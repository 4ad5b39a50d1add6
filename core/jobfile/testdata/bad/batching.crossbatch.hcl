model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  batching {
    records     = 0
    payload     = "6 potatoes"
    concurrency = 1.5
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
  batching {
    payload = "0"
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "k"
  }
}
