locals {
  a = local.b
  b = local.c
  c = "${local.a}x"
  d = local.d
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
