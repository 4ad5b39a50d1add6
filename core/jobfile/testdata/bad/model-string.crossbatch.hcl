model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = "m.onnx"
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
job "k" {
  model = { name = "x", artifact = "y" }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "k"
  }
}
