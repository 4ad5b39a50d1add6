model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  env = { "A B" = "x", "" = "y", "1A" = "z", OK = "fine" }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
