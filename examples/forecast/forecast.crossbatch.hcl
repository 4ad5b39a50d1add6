# How many riders will enter each station on each of the next seven days?
# One job for the stations downtown, one for those in the neighborhoods.
#
#   crossbatch submit forecast.crossbatch.hcl --wait

crossbatch {
  project = "forecast"
}

locals {
  features = jsondecode(file("features.json")) # the column names, in the model's order
}

provider "local" "here" {
  device = "auto"
}

model "demand" {
  artifact = "model/forecast.onnx"
}

job "demand" {
  for_each = toset(["downtown", "neighborhoods"])
  model    = model.demand
  provider = provider.local.here

  input {
    source = ["data/${each.key}/*.csv"]
    key    = ["station", "date"] # both together name a record

    tensor "history" {
      fields = local.features.history # 28 days of riders
    }

    tensor "holidays" {
      fields = local.features.holidays # 0 or 1: the same 28 days, and the 7 to come
    }

    tensor "weekday" {
      field = "weekday" # 0 is Monday
    }
  }

  output {
    destination = "out/${each.key}/"
    format      = "csv"
  }

  limits {
    failed_records = 0
  }
}
