model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  for_each = ["a", "b"]
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/${each.key}"
  }
}
