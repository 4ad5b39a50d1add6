provider "local" "here" {
}

provider "sagemaker" "us" {
  region   = "us-east-1"
  role_arn = "arn:aws:iam::123456789012:role/batch"
  staging  = "s3://b/staging"
}

provider "oci" "p" {
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
