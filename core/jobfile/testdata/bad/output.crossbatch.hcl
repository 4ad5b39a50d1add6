provider "local" "p" {
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
output "a" {
}

output "b" {
  value = provider.local.p
}

output "c" {
  value = [{ x = provider.local.p }]
}

output "d" {
  value = job.j.input
}

output "e" {
  value = job.j["x"].output.destination
}

output "f" {
  value = model.m.artefact
}

output "g" {
  valeu = 1
}
