provider "local" "a" {
}

provider "local" "b" {
}

provider "sagemaker" "us" {
  region   = "us-east-1"
  role_arn = "arn:aws:iam::123456789012:role/batch"
  staging  = "s3://b/staging"
}

model "m" {
  artifact = "m.onnx"
}

job "several" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "several"
  }
  placement {
    providers = [provider.local.a, provider.local.b]
    failover  = true
  }
}

job "waits" {
  model      = model.m
  provider   = provider.local.a
  depends_on = [job.several]
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "waits"
  }
  # Only what is merged where the job runs counts.
  override "local.a" {
    batching {
      concurrency = 3
    }
  }
  override "local.b" {
    batching {
      payload = "1MiB"
    }
  }
}

job "cloud" {
  model    = model.m
  provider = provider.sagemaker.us
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "cloud"
  }
}
