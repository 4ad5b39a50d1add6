provider "local" "here" {
}

provider "sagemaker" "us" {
  region   = "us-east-1"
  role_arn = "arn:aws:iam::123456789012:role/batch"
  staging  = "s3://b/staging"
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  placement {
    providers = provider.local.here
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}

job "k" {
  model = model.m
  placement {
    providers = []
    failover = "yes"
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "k"
  }
}

job "l" {
  model = model.m
  placement {
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "l"
  }
}

job "m" {
  model = model.m
  placement {
    providers = ["local.here"]
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "m"
  }
}
