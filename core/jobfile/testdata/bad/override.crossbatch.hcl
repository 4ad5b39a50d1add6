provider "local" "here" {
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  override "sagemakr" {
  }
  override "local.hre" {
  }
  override "local" {
    model = model.m
    input {
      source = ["x"]
    }
    batching {
      recrds = 3
    }
    compute {
      cpus = 0
      gpu {
      }
    }
    env = { "1" = "x" }
  }
  override "local" {
    labels = { a = null }
  }
  override "vertex" {
    machine = "n1"
  }
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
