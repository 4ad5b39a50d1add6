provider "sagemaker" "us" {
  region    = "us-east-1"
  endpoint  = "http://localhost:1"
  retention = "7d"
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
