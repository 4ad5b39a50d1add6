model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  count = 2
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "a/${count.index}"
  }
}

job "b" {
  model = model.m
  input {
    source = [job.c]
  }
  output {
    destination = "b/"
  }
}

job "c" {
  model = model.m
  for_each = toset(["x"])
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "c/${each.key}"
  }
}

job "d" {
  model = model.m
  input {
    source = [job.a[2]]
  }
  output {
    destination = "d/"
  }
}

job "e" {
  model = model.m
  input {
    source = [job.c["z"]]
  }
  output {
    destination = "e/"
  }
}
