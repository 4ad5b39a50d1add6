model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  for_each = toset(["a", "b", "c"])
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
