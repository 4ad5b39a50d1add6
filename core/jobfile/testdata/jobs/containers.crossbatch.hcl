# Models of other frameworks, each in its own image.
provider "azureml" "west" {
  subscription_id = "00000000-0000-0000-0000-000000000000"
  resource_group  = "ml"
  workspace       = "ml-west"
  compute         = "cpu-cluster"
  datastore       = "crossbatch"
  staging         = "azblob://crossbatch/staging?storage_account=acmebatch"
  tags            = { cost_center = "42" }
}

locals {
  images = {
    xgb     = { digest = "4567", content = "csv" }
    prophet = { digest = "89ab", content = "jsonl" }
    tf      = { digest = "cdef", content = "instances" }
  }
}

model "legacy" {
  for_each = local.images
  container {
    image        = "acme.azurecr.io/${each.key}@sha256:${each.value.digest}"
    artifact     = "azblob://models/${each.key}/?storage_account=acmeml"
    content_type = each.value.content
  }
}

job "legacy" {
  for_each = model.legacy
  model    = each.value
  input {
    source = ["azblob://features/daily/*.csv?storage_account=acmeml"]
    key    = "id"
  }
  output {
    destination = "azblob://scores/${each.key}?storage_account=acmeml"
    format      = each.key == "xgb" ? "csv" : "jsonl"
    compression = "gzip"
  }
  batching {
    records     = 512
    payload     = "6MiB"
    concurrency = 4
  }
  env = { MODEL = each.key }
}
