model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["S3://b/x", "s3://", "s3:///x", "s3://b*/x", "hdfs://x/y", "s3://b/[x"]
  }
  output {
    destination = "gs://"
  }
}

model "n" {
  artifact = "ftp://x/m.onnx"
}
