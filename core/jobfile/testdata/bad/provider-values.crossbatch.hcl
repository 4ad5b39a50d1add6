provider "sagemaker" "us" {
  region   = ""
  role_arn = 5
  staging  = "gs://b/x"
  subnets  = "subnet-1"
  tags     = ["a"]
  endpoint = ["x"]
  retention = "soon"
  project  = "p"
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
