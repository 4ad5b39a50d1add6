# Thirty days that were never scored, one job each.
# --var from=2026-06-15
variable "from" {
  type = string
  validation {
    condition     = can(formatdate("YYYY", "${var.from}T00:00:00Z"))
    error_message = "from must be a day, YYYY-MM-DD."
  }
}

variable "days" {
  type    = number
  default = 30
}

locals {
  days = toset([for i in range(var.days) : formatdate("YYYY-MM-DD", timeadd("${var.from}T00:00:00Z", "${i * 24}h"))])
}

model "churn" {
  artifact = "s3://acme-models/churn/7/model.onnx"
}

provider "sagemaker" "us" {
  region   = "us-east-1"
  role_arn = "arn:aws:iam::123456789012:role/batch"
  image    = "123456789012.dkr.ecr.us-east-1.amazonaws.com/crossbatch@sha256:0123"
  staging  = "s3://acme-batch/staging"
}

job "backfill" {
  for_each = local.days
  model    = model.churn
  input {
    source = ["s3://acme-features/customers/dt=${each.key}/"]
    format = "jsonl"
    key    = "customer_id"
    empty  = "ok"
  }
  output {
    destination = "s3://acme-scores/churn/dt=${each.key}/"
    select      = { churn = "probabilities[1]" }
    existing    = "fail"
  }
  compute {
    cpus   = 4
    memory = "16GiB"
    spot   = true
  }
  limits {
    timeout        = "3h"
    failed_records = "0.1%"
    cost           = 4.5
  }
  labels = { day = each.key }
}

output "destinations" {
  value = [for j in job.backfill : j.output.destination]
}
