crossbatch {
  ledger = ""
}

model "m" {
  artifact = "m.onnx"
}

job "words" {
  model = model.m
  limits {
    timeout = "2 hours"
    retries = -1
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/words/"
  }
}

job "zero" {
  model = model.m
  limits {
    timeout = "0s"
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/zero/"
  }
}
