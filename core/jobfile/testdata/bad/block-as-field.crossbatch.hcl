model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  limits = {
    failed_records = 1
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
