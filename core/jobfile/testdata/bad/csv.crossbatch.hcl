model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
    format = "jsonl"
    csv {
      delimiter = "::"
    }
  }
  output {
    destination = "out/"
  }
}
job "c0" {
  model = model.m
  input {
    source = ["in.csv"]
    csv {
      delimiter = "\""
    }
  }
  output {
    destination = "c0"
  }
}
job "c1" {
  model = model.m
  input {
    source = ["in.csv"]
    csv {
      delimiter = "\n"
    }
  }
  output {
    destination = "c1"
  }
}
job "c2" {
  model = model.m
  input {
    source = ["in.csv"]
    csv {
      delimiter = ""
    }
  }
  output {
    destination = "c2"
  }
}
job "c3" {
  model = model.m
  input {
    source = ["in.csv"]
    csv {
      delimiter = "é"
    }
  }
  output {
    destination = "c3"
  }
}
