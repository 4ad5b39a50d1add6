provider "local" "a" {
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  provider = provider.local.a
  placement {
    providers = [provider.local.a]
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
