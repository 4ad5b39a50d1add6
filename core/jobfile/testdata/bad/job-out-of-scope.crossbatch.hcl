model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "a/"
  }
}

job "b" {
  model = model.m
  env = { A = job.a.output.destination }
  for_each = job.a
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "${job.a.output.destination}/b"
  }
}

locals {
  x = job.a.output.destination
}
