model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
    keep = ["key", "key_0", "key_a", "error", "prediction", "prediction.x", "a", "a", ""]
  }
}
job "k" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "k"
    keep = { key = "id", ok = "" }
  }
}
