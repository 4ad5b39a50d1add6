model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
    select = ["scores", "scores[0]", "scores", ""]
  }
}
job "k" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "k"
    select = { a = "p[", b = "p[-1]", c = "p[\"x\"][1]", d = "", e = "p[x]", f = "[1]" }
  }
}
job "l" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "l"
    select = []
  }
}
job "n" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "n"
    format = "csv"
    select = ["v", "v_0", "w_0"]
  }
}
