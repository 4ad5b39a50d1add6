model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = [job.b["x"]]
  }
  output {
    destination = "a/"
  }
}

job "b" {
  model = model.m
  for_each = toset(["x", "y"])
  input {
    source = [job.a]
  }
  output {
    destination = "b/${each.key}"
  }
}
