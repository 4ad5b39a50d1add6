model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
    tensor "a" {
      field = "x"
      pad = 0
    }
    tensor "b" {
      field = "x"
      max = 4
    }
    tensor "c" {
      field = "x"
      pad = []
      max = 0
    }
  }
  output {
    destination = "out/"
  }
}
