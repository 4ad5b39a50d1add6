model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source        = ["a.parquet", "b.jsonl.gz", "c.csv.zst", "s3://b/x", "gs://b/x", "azblob://b/x?storage_account=a", "oci://b@n/x", job.k]
    format        = "parquet"
    partitions    = "hive"
    staging       = "always"
    allow_partial = true
  }
  output {
    destination = "out/"
  }
}

# Defaults that are written out are no news.
job "k" {
  model = model.m
  input {
    source        = ["in.jsonl"]
    staging       = "auto"
    allow_partial = false
  }
  output {
    destination = "k"
    compression = "none"
  }
}
