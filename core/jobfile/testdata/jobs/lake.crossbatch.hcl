# A partitioned lake in, a partitioned lake out, with everything that limits a run.
# --var day=2026-11-23
variable "day" {
  type = string
}

variable "regions" {
  type    = map(object({ currency = string, limit = optional(number, 100) }))
  default = { eu = { currency = "EUR" }, us = { currency = "USD", limit = 250 } }
}

model "risk" {
  artifact = "s3://acme-models/risk.onnx"
}

provider "sagemaker" "eu" {
  region          = "eu-central-1"
  role_arn        = "arn:aws:iam::123456789012:role/batch"
  staging         = "s3://acme-batch-eu"
  subnets         = ["subnet-1", "subnet-2"]
  security_groups = ["sg-1"]
}

job "risk" {
  for_each = var.regions
  model    = model.risk
  input {
    source     = ["s3://lake/payments/dt=${var.day}/region=${each.key}/hour=*/"]
    format     = "parquet"
    partitions = "hive"
    key        = ["payment_id", "dt"]
    staging    = "never"
  }
  output {
    destination = "s3://lake/risk/dt=${var.day}/region=${each.key}/"
    format      = "parquet"
    keep        = { day = "dt", hour = "hour", currency = "currency" }
  }
  limits {
    timeout        = "1h30m"
    failed_records = each.value.limit
    retries        = 5
    cost           = 25
  }
  env = { CURRENCY = each.value.currency }
}
