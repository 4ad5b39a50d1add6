model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
    partitions = "hiv"
    staging    = "nevr"
    format     = "avro"
    empty      = "fine"
  }
  output {
    destination = "out/"
  }
}
