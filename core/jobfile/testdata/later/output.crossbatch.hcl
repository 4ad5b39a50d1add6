model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "gs://b/out"
    format = "parquet"
    compression = "gzip"
  }
}
