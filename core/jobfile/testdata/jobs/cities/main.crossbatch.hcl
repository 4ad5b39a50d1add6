# A model for each of twenty cities, and a job for each model.
locals {
  cities = jsondecode(file("cities.json"))
}

model "demand" {
  for_each = local.cities
  artifact = "models/demand-${each.key}.onnx"
}

job "demand" {
  for_each = local.cities
  model    = model.demand[each.key]
  input {
    source = ["data/${each.value.region}/${each.key}.csv"]
    csv {
      delimiter = each.value.region == "eu" ? ";" : ","
    }
    key = "hour"
  }
  output {
    destination = "out/${each.value.region}/${each.key}/"
    format      = "csv"
  }
  batching {
    records = each.value.batch
  }
  labels = { region = each.value.region }
}

output "models" {
  value = { for city, m in model.demand : city => m.artifact }
}
