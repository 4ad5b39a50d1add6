model "m" {
  artifact   = "m.onnx"
  registered = { vertex = "x" }
}

model "n" {
  container {
    image = "x@sha256:01"
  }
  artifact = "n.onnx"
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

job "n" {
  model = model.n
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "n/"
  }
}
