model "m" {
  for_each = toset(["a"])
  artifact = each.key
}

model "n" {
  count    = 2
  artifact = "x"
}

job "a" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "a"
  }
}

job "b" {
  model = model.m["b"]
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "b"
  }
}

job "c" {
  model = model.n[2]
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "c"
  }
}

job "d" {
  model = model.n
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "d"
  }
}

job "e" {
  model = { name = "m", artifact = "x" }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "e"
  }
}
