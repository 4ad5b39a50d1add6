provider "local" "a" {
  endpoint  = "http://localhost:1"
  retention = "1d"
}

provider "vertex" "eu" {
  project  = "p"
  location = "europe-west4"
  staging  = "gs://b/x"
}

model "container" {
  container {
    image        = "r/x@sha256:0123"
    artifact     = "gs://b/x/"
    content_type = "csv"
  }
}

model "registered" {
  registered = { vertex = "projects/p/locations/l/models/1" }
}

model "onnx" {
  for_each = toset(["s3://b/a.onnx", "b.onnx"])
  artifact = each.key
}

job "container" {
  model    = model.container
  provider = provider.local.a
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "container"
  }
}

job "registered" {
  model    = model.registered
  provider = provider.vertex.eu
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "registered"
  }
}

job "onnx" {
  for_each = model.onnx
  model    = each.value
  provider = provider.local.a
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "onnx/${strlen(each.key)}"
  }
}
