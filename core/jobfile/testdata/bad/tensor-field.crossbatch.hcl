model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
    tensor "a" {
    }
    tensor "b" {
      field = "x"
      fields = ["y"]
    }
    tensor "c" {
      fields = []
    }
    tensor "d" {
      field = ""
    }
    tensor "a" {
      field = "z"
    }
    tensor "" {
      field = "z"
    }
    tensor "e" {
      fields = ["a", ""]
    }
  }
  output {
    destination = "out/"
  }
}
