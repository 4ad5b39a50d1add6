crossbatch {
  required_version = ">= 0.1"
  project          = "growth-nightly"                        # default: the folder's name; required on a shared ledger
  ledger           = var.env == "prod" ? "s3://acme-batch/ledger" : ".crossbatch"
}

variable "env" {
  default = "dev"
}

variable "day" {
  type        = string
  description = "the partition to score"
  validation {
    condition     = can(regex("^\\d{4}-\\d{2}-\\d{2}$", var.day))
    error_message = "day must be YYYY-MM-DD"
  }
}

locals {
  data  = { dev = "testdata", prod = "s3://acme-features/customers" }[var.env]
  out   = { dev = "out", prod = "s3://acme-scores/propensity" }[var.env]
  feats = jsondecode(file("features.json"))
}

provider "local" "here" {
  device = "auto"
}

provider "sagemaker" "us" {
  region          = "us-east-1"
  role_arn        = "arn:aws:iam::123456789012:role/batch"
  image           = "123456789012.dkr.ecr.us-east-1.amazonaws.com/crossbatch@sha256:0123"
  staging         = "s3://acme-batch/staging"
  subnets         = ["subnet-1"]
  security_groups = ["sg-1"]
  kms_key         = "alias/batch"
  tags            = { team = "growth" }
}

provider "vertex" "eu" {
  project         = "acme-ml"
  location        = "europe-west4"
  image           = "europe-west4-docker.pkg.dev/acme-ml/ml/crossbatch@sha256:0123"
  staging         = "gs://acme-batch/staging"
  service_account = "batch@acme-ml.iam.gserviceaccount.com"
}

provider "azureml" "west" {
  subscription_id = "00000000-0000-0000-0000-000000000000"
  resource_group  = "ml"
  workspace       = "ml-west"
  compute         = "cpu-cluster"
  datastore       = "crossbatch"
  image           = "acme.azurecr.io/crossbatch@sha256:0123"
  staging         = "azblob://crossbatch?storage_account=acmebatch"
}

provider "oci" "phx" {
  region         = "us-phoenix-1"
  compartment_id = "ocid1.compartment.oc1..a"
  project_id     = "ocid1.datascienceproject.oc1..a"
  image          = "phx.ocir.io/acme/crossbatch@sha256:0123"
  staging        = "oci://crossbatch@acme/staging"
  subnet_id      = "ocid1.subnet.oc1..a"
  log_group_id   = "ocid1.loggroup.oc1..a"
}

model "propensity" {
  artifact = "models/propensity.onnx"                        # path or object URI; external data files beside it belong to it
}

model "encoder" {
  artifact = "models/encoder.onnx"                           # item -> embedding
}

model "ranker" {
  artifact = "models/ranker.onnx"                            # query -> item, score
}

model "legacy" {
  container {                                                # any framework: the user's own image
    image        = "123456789012.dkr.ecr.us-east-1.amazonaws.com/xgb@sha256:4567"
    artifact     = "s3://acme-models/xgb/"
    content_type = "jsonl"                                   # jsonl | csv | instances; answers one item a record, in order
  }
}

model "in_the_cloud" {
  registered = {                                             # exists already; azureml names ENDPOINT/DEPLOYMENT
    sagemaker = "churn-v3"
    vertex    = "projects/acme-ml/locations/europe-west4/models/1@2"
    azureml   = "churn/blue"
  }
}

job "propensity" {
  for_each = toset(["us", "eu"])                             # or count; each.key, each.value
  model    = model.propensity

  input {
    source      = ["${local.data}/dt=${var.day}/region=${each.key}/*.parquet"]
    format      = "parquet"                                  # jsonl | csv | parquet; else by extension; .gz and .zst understood
    partitions  = "hive"                                     # k=v path parts become string fields
    key         = ["customer_id", "product_id"]              # field or list of fields; else "<shard>:<row>"
    empty       = "ok"                                       # no match: error (default) | ok
    staging     = "auto"                                     # auto: in place when possible | always | never
    csv {                                                    # only for csv
      header    = true                                       # false: fields are c0, c1, ...
      delimiter = ","
    }
    tensor "features" {
      fields = local.feats.numeric                           # model input <- fields, in order; lists are flattened in order
      null   = "nan"                                         # fail (default) | nan | a literal | a map by field
    }
    tensor "segment" {
      field = "profile.segment"                              # one field as it is (scalar, nested list); dotted path
      null  = "unknown"
    }
  }

  output {
    destination = "${local.out}/dt=${var.day}/region=${each.key}/"
    format      = "parquet"                                  # jsonl | csv | parquet
    compression = "zstd"                                     # none | gzip | zstd | snappy
    keep        = ["region"]                                 # input fields carried along; as a map: new name = field
    select      = { score = "probabilities[1]" }             # model outputs; list of names, or name = output or element
    existing    = "replace"                                  # replace (a result of this same job) | fail
  }

  batching {
    records     = 256                                        # default: measured by a short probe, recorded, reused on resume
    payload     = "6MiB"
    concurrency = 4                                          # per instance
  }

  compute {
    instances = 2
    cpus      = 4                                            # at least
    memory    = "16GiB"                                      # at least
    spot      = false
    gpu {
      type  = "nvidia-t4"
      count = 1
    }
  }

  limits {
    timeout        = "2h"                                    # from the first submit, over all attempts and queues
    failed_records = "1%"
    retries        = 2                                       # attempts after the first; fail-over does not count
    cost           = 25                                      # USD a run; against the upper end of the estimate
  }

  placement {
    providers = var.env == "prod" ? [provider.sagemaker.us, provider.vertex.eu] : [provider.local.here]
    strategy  = "first"                                      # first (default) | cheapest
    failover  = false
    accept    = ["compute.spot"]                             # fields that may be lost on the chosen provider
  }

  override "sagemaker" {                                     # KIND or KIND.ALIAS: merged over the job when placed there
    compute {
      machine = "ml.m5.4xlarge"                              # exact native type, wins over the constraints
    }
    env = {
      LOG_LEVEL = "debug"
    }
  }

  env    = { LOG_LEVEL = "info" }
  labels = { team = "growth" }
}

job "retrieve" {
  model      = model.ranker
  provider   = provider.local.here                           # short for a placement with one provider; not beside placement
  depends_on = [job.embed]                                   # order without data
  input {
    source        = [job.embed]                              # a published result: the parts that its manifest lists
    allow_partial = false
    tensor "query" {
      field = "prediction.embedding"
    }
  }
  output {
    destination = "out/recs/"
  }
}

job "embed" {
  model    = model.encoder
  provider = provider.local.here
  input {
    source = ["testdata/items.jsonl"]
  }
  output {
    destination = "out/embed/"
  }
}

output "scores" {
  value = { for k, j in job.propensity : k => j.output.destination }
}
