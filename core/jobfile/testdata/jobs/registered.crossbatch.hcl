# One model that three clouds have already; the job names the places in order.
provider "sagemaker" "us" {
  region   = "us-east-1"
  role_arn = "arn:aws:iam::123456789012:role/batch"
  staging  = "s3://acme-batch/staging"
  endpoint = "http://localhost:4566"
  kms_key  = "alias/batch"
}

provider "vertex" "eu" {
  project  = "acme-ml"
  location = "europe-west4"
  staging  = "gs://acme-batch/staging"
}

provider "azureml" "west" {
  subscription_id = "00000000-0000-0000-0000-000000000000"
  resource_group  = "ml"
  workspace       = "ml-west"
  compute         = "cpu-cluster"
  datastore       = "crossbatch"
  staging         = "azblob://crossbatch?storage_account=acmebatch"
}

model "churn" {
  registered = {
    sagemaker = "churn-v3"
    vertex    = "projects/acme-ml/locations/europe-west4/models/1@2"
    azureml   = "churn/blue"
  }
}

job "churn" {
  model = model.churn
  input {
    source = ["s3://acme-features/customers.jsonl"]
  }
  output {
    destination = "s3://acme-scores/churn/"
  }
  placement {
    providers = [provider.sagemaker.us, provider.vertex.eu, provider.azureml.west]
    failover  = true
    accept    = ["batching.records", "compute"]
  }
  override "sagemaker" {
    compute {
      machine = "ml.m5.4xlarge"
    }
    env = { SAGEMAKER_MODEL_SERVER_WORKERS = "4" }
  }
  override "vertex.eu" {
    batching {
      records = 64
    }
    compute {
      instances = 3
      spot      = false
    }
    labels = { region = "eu" }
  }
  override "vertex" {
    batching {
      records = 32
    }
    compute {
      spot = true
    }
  }
  labels = { team = "growth" }
}
