# --var day=monday
variable "day" {
  type = string
  validation {
    condition     = can(regex("^[0-9-]+$", var.day))
    error_message = "day must be YYYY-MM-DD, not ${var.day}"
  }
  validation {
    condition     = strlen(var.day) == 10
    error_message = "day has 10 characters"
  }
  validation {
    condition     = local.x
    error_message = "no"
  }
  validation {
    condition = "perhaps"
  }
}

locals {
  x = true
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
