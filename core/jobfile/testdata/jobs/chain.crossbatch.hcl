# Items are embedded, candidates are found among them, and ranked.
provider "local" "here" {
  device = "cuda:0"
}

model "encoder" {
  artifact = "models/encoder.onnx"
}

model "retriever" {
  artifact = "models/retriever.onnx"
}

model "ranker" {
  artifact = "models/ranker.onnx"
}

job "rank" {
  model      = model.ranker
  depends_on = [job.embed]
  input {
    source        = [job.retrieve]
    allow_partial = true
    key           = ["query", "item"]
    tensor "pair" {
      fields = ["prediction.query", "prediction.item"]
    }
  }
  output {
    destination = "out/ranked/"
    keep        = { "asked" = "query" }
  }
}

job "embed" {
  model = model.encoder
  input {
    source = ["items/**/*.jsonl"]
    key    = "item"
  }
  output {
    destination = "out/items/"
  }
}

job "retrieve" {
  model = model.retriever
  input {
    source = ["seed.jsonl", job.embed, "late/*.jsonl"]
    tensor "item" {
      field = "prediction.embedding"
      null  = { "prediction.embedding" = "fail" }
    }
  }
  output {
    destination = "out/candidates/"
  }
}
