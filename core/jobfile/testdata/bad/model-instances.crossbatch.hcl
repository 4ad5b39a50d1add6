model "m" {
  for_each = ["a"]
  artifact = each.key
}

model "n" {
  count    = -1
  artifact = "x"
}

model "o" {
  count    = 2
  for_each = {}
  artifact = "x"
}

model "p" {
  artifact = each.key
}

job "j" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
