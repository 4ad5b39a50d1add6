provider "local" "here" {
}

provider "vertex" "eu" {
  project         = "acme-ml"
  location        = "europe-west4"
  image           = "europe-west4-docker.pkg.dev/acme-ml/ml/crossbatch@sha256:0123"
  staging         = "gs://acme-ml/staging"
  service_account = "batch@acme-ml.iam.gserviceaccount.com"
  labels          = { team = "growth" }
}

provider "vertex" "us" {
  project   = "acme-ml"
  location  = "us-central1"
  image     = "us-docker.pkg.dev/acme-ml/ml/crossbatch@sha256:0123"
  staging   = "gs://acme-ml-us/staging/"
  retention = "7d"
}

# For another day: nothing reaches it, so nothing of it is checked.
provider "oci" "phx" {
  region = var.env
}
