model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["${each.key}.jsonl", "${count.index}.jsonl"]
  }
  output {
    destination = "out/"
  }
}
