model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "a/"
  }
}

job "b" {
  model = model.m
  input {
    source = [job.a.output.destination, "${job.a.output.destination}x.jsonl"]
  }
  output {
    destination = "b/"
  }
}
