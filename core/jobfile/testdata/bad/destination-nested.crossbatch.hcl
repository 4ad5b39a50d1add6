model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/deep/er"
  }
}
job "b" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
job "c" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out2"
  }
}
