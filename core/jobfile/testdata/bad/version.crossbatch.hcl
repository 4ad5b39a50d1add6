# version 0.1.3
crossbatch {
  required_version = "~> 0.2"
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
