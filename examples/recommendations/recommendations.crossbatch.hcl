# Which routes next? Ten new destinations for each of 300 airports.
#
#   crossbatch submit recommendations.crossbatch.hcl --wait

crossbatch {
  project = "recommendations"
}

provider "local" "here" {
  device = "auto"
}

model "routes" {
  artifact = "model/recommendations.onnx"
}

job "routes" {
  model = model.routes

  # The field "vector" has the name of the model's input, so it needs no tensor block.
  input {
    source = ["data/*.jsonl"]
    key    = "user"
  }

  # Both model outputs, "score" and "item", ten numbers each.
  output {
    destination = "out/routes/"
    keep        = ["name"]
  }

  # No record may fail.
  limits {
    failed_records = 0
  }
}
