# version devel
crossbatch {
  required_version = ">= 0.1"
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
