model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  for_each = toset(["us", "eu"])
  input {
    source = [{ us = "a" }[each.key]]
  }
  output {
    destination = "out/${each.key}"
  }
}
