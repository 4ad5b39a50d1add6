provider "local" "a" {
}

provider "local" "b" {
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  placement {
    providers = [provider.local.a, provider.local.b, provider.local.a]
    strategy  = "cheapst"
    failover  = true
    accept    = ["compute.spt", "compute.spot", "compute.spot"]
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
