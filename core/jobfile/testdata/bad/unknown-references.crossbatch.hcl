locals {
  alpha = 1
  b = local.alhpa
}

variable "day" {
  default = "x"
}

provider "local" "here" {
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.n
  provider = provider.local.heer
  input {
    source = ["${var.dya}.jsonl", lcal.alpha, nonsense]
  }
  output {
    destination = "out/"
  }
}

output "o" {
  value = job.jj.output.destination
}
