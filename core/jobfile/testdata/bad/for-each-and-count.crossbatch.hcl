model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  for_each = toset(["a"])
  count    = 2
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
