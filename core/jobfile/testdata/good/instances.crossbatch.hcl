model "m" {
  artifact = "m.onnx"
}

locals {
  regions = { us = { n = 1 }, eu = { n = 2 }, "a \"q\" $${x}" = { n = 3 } }
}

job "map" {
  for_each = local.regions
  model    = model.m
  input {
    source = ["in/${each.value.n}.jsonl"]
  }
  output {
    destination = "out/map/${each.value.n}"
  }
}

job "set" {
  for_each = toset(["z", "b"])
  model    = model.m
  input {
    source = ["in/${each.key}/${each.value}.jsonl"]
  }
  output {
    destination = "out/set/${each.key}"
  }
}

job "counted" {
  count = 3
  model = model.m
  input {
    source = ["in/${count.index}.jsonl"]
  }
  output {
    destination = "out/counted/${count.index}"
  }
}

job "none" {
  for_each = {}
  model    = model.m
  input {
    source = ["in/${each.key}.jsonl"]
  }
  output {
    destination = "out/none/${each.key}"
  }
}

job "one" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/one"
  }
}

output "map" {
  value = { for k, j in job.map : k => j.output.destination }
}

output "set" {
  value = job.set["b"].output.destination
}

output "counted" {
  value = job.counted[*].output.destination
}

output "none" {
  value = job.none
}

output "one" {
  value = "${job.one.output.destination}_manifest.json"
}

output "model" {
  value = model.m.artifact
}

output "odd" {
  value = [1, 1.5, true, null, { a = 1e3 }]
}
