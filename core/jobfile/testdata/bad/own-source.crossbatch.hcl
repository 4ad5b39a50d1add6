model "m" {
  artifact = "m.onnx"
}

job "inside" {
  model = model.m
  input {
    source = ["o1/part-*.jsonl"]
  }
  output {
    destination = "o1"
  }
}
job "folder" {
  model = model.m
  input {
    source = ["data"]
  }
  output {
    destination = "data/out"
  }
}
job "same" {
  model = model.m
  input {
    source = ["o2"]
  }
  output {
    destination = "o2"
  }
}
job "stars" {
  model = model.m
  input {
    source = ["d3/**/*.jsonl"]
  }
  output {
    destination = "d3/out"
  }
}
job "glob" {
  model = model.m
  input {
    source = ["d4/*/*.jsonl"]
  }
  output {
    destination = "d4/out"
  }
}
job "fine" {
  model = model.m
  input {
    source = ["d5/*.jsonl"]
  }
  output {
    destination = "d5/out"
  }
}
job "fine2" {
  model = model.m
  input {
    source = ["d6x"]
  }
  output {
    destination = "d6"
  }
}
job "fine3" {
  model = model.m
  input {
    source = ["d7/a*/x.jsonl"]
  }
  output {
    destination = "d7/out"
  }
}
job "braces" {
  model = model.m
  input {
    source = ["d8/{in,out}/*.jsonl"]
  }
  output {
    destination = "d8/out"
  }
}
job "slash" {
  model = model.m
  input {
    source = ["d9/{in,out/x}/*.jsonl"]
  }
  output {
    destination = "d9/out"
  }
}
job "fine4" {
  model = model.m
  input {
    source = ["da/{in,up}/*.jsonl"]
  }
  output {
    destination = "da/out"
  }
}
