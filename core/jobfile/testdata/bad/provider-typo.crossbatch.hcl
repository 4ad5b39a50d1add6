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
  provider = provider.sagemaker.uss
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}

job "k" {
  model = model.m
  provider = provider.sagemake.us
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "k"
  }
}

job "l" {
  model = model.m
  provider = provider.sagemaker
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "l"
  }
}
