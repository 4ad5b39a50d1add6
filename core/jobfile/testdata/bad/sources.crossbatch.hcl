model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["", "http://x/y", "file:///x", "a[", "b/*.JSONL.GZ"]
  }
  output {
    destination = "out/"
  }
}
