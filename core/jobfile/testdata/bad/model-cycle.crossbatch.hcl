locals {
  path = model.m.artifact
}

model "m" {
  artifact = local.path
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
