model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
    tensor "a" {
      fields = ["age", "income"]
      null = { agee = 0, income = [] }
    }
    tensor "b" {
      field = "x"
      null = [1]
    }
  }
  output {
    destination = "out/"
  }
}
