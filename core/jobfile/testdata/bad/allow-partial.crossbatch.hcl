model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["in.jsonl"]
    allow_partial = true
  }
  output {
    destination = "out/"
  }
}

job "b" {
  model = model.m
  input {
    source = ["x"]
    allow_partial = "perhaps"
  }
  output {
    destination = "b/"
  }
}
