model "m" {
  artifact = "m.onnx"
}

locals {
  x = <<EOT
never closed

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
