provider "local" "here" {
}
provider "sagemaker" "us" {
  region   = "us-east-1"
  role_arn = "arn:aws:iam::123456789012:role/batch"
  staging  = "s3://b/staging"
}

model "m" {
  registered = { vertex = "x", azureml = "e/d" }
}

job "j" {
  model = model.m
  placement {
    providers = [provider.sagemaker.us, provider.local.here]
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
