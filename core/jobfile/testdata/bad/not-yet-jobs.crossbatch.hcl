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
job "k" {
  model = model.m
  depends_on = [job.j]
  input {
    source = [job.j]
  }
  output {
    destination = "k"
  }
}
job "l" {
  model = model.m
  override "local" {
  }
  input {
    source = [job.jj]
  }
  output {
    destination = "l"
  }
}

locals {
  x = job.j.output.destination
}
