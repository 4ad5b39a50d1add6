locals {
  a = var["day"]
  b = provider["local"]["here"]
  c = local[5]
  d = model["x"].artifact
}

variable "l" {
  type    = list(string)
  default = ["a"]
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  count = 2
  model = model.m
  input {
    source = ["${var.l[count.index]}.jsonl"]
  }
  output {
    destination = "out/${count.index}"
  }
}
