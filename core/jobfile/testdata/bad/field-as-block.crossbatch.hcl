model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  env {
    A = "b"
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
