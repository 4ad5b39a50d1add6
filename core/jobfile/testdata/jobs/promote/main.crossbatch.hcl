# From a laptop to production with one switch: --var env=prod.
# --var env=prod
variable "env" {
  default = "dev"
  validation {
    condition     = contains(["dev", "prod"], var.env)
    error_message = "env is dev or prod."
  }
}

variable "token" {
  type      = string
  default   = null
  sensitive = true
}

locals {
  prod   = var.env == "prod"
  here   = local.prod ? "gs://acme-ml" : "testdata"
  places = local.prod ? [provider.vertex.eu, provider.vertex.us] : [provider.local.here]
}

crossbatch {
  required_version = "~> 0.1"
  project          = "propensity-${var.env}"
  ledger           = local.prod ? "gs://acme-ml/ledger" : ".crossbatch"
}

model "propensity" {
  artifact = "${local.here}/models/propensity.onnx"
}

job "propensity" {
  model = model.propensity
  input {
    source  = ["${local.here}/features/*.jsonl"]
    staging = local.prod ? "always" : null
  }
  output {
    destination = "${local.here}/scores"
  }
  placement {
    providers = local.places
    strategy  = local.prod ? "cheapest" : "first"
    failover  = local.prod
    accept    = ["compute.spot"]
  }
  compute {
    spot = local.prod
  }
  env = merge({ LOG_LEVEL = "info" }, local.prod ? {} : { LOG_LEVEL = "debug" })
}
