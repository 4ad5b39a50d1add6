# --var secret=hunter2
# --var number=hunter2
variable "secret" {
  sensitive = true
  validation {
    condition     = var.secret == "x"
    error_message = "not ${var.secret}"
  }
}

variable "number" {
  type      = number
  sensitive = true
}

variable "def" {
  type      = number
  sensitive = true
  default   = "hunter2"
}

locals {
  derived = upper(var.secret)
  n       = parseint(var.secret, 10)
  f       = file(local.derived)
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  limits {
    failed_records = var.secret
  }
  compute {
    memory = var.secret
  }
  input {
    source = [var.secret]
    format = var.secret
    empty = lower(local.derived)
    csv {
      delimiter = var.secret
    }
  }
  output {
    destination = var.secret
    compression = var.secret
    select = {
      a = "${var.secret}["
    }
    keep = { prediction = var.secret }
  }
}

job "e" {
  for_each = toset([var.secret])
  model    = model.m
  input {
    source = ["x"]
  }
  output {
    destination = var.secret
  }
}
