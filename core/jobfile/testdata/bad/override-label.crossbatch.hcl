model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  override {
  }
  override "a" "b" {
  }
  override "" {
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
