model "m" {
  artifact = "m.onnx"
}

model "m" {
  artifact = "m.onnx"
}

locals {
  a = 1
}

locals {
  a = 2
}

variable "v" {
  default = 1
}

variable "v" {
  default = 2
}

provider "local" "p" {
}

provider "local" "p" {
}

output "o" {
  value = 1
}

output "o" {
  value = 2
}

crossbatch {
}

crossbatch {
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
job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
