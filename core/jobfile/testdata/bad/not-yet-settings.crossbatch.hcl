crossbatch {
  ledger = "s3://x"
}

provider "local" "a" {
  endpoint = "x"
  retention = "1d"
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
