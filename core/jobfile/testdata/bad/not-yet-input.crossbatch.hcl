model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["a.parquet", "b.jsonl.gz", "c.csv.zst", "s3://b/x", "gs://b/x", "azblob://b/x", "oci://b/x"]
    format = "parquet"
    partitions = "hive"
    staging = "always"
    allow_partial = true
  }
  output {
    destination = "out/"
  }
}
