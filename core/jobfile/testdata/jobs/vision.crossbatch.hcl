# Images as flat tensors, on GPUs in the cloud and on the processor at a desk.
# env CROSSBATCH_VAR_where=oci
variable "where" {
  type = string
}

locals {
  places = { desk = provider.local.desk, oci = provider.oci.phx }
}

provider "local" "desk" {
  device = "cpu"
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

model "resnet" {
  artifact = "oci://models@acme/resnet50/model.onnx"
}

job "images" {
  model    = model.resnet
  provider = local.places[var.where]
  input {
    source = ["oci://images@acme/2026/{01,02,03}/**/*.parquet"]
    key    = "path"
    tensor "data" {
      field = "pixels"
    }
  }
  output {
    destination = "oci://labels@acme/2026-q1"
    format      = "parquet"
    compression = "snappy"
    keep        = ["path", "camera"]
    select      = { label = "argmax", top = "probabilities[0]", cat = "scores[\"cat\"]" }
  }
  compute {
    instances = 4
    gpu {
      type  = "nvidia-a10"
      count = 2
    }
  }
  limits {
    retries = 0
  }
}
