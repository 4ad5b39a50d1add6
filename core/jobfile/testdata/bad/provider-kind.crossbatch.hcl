provider "sagemakr" "x" {
  region = "y"
}

provider "local" "a-b" {
  device = ""
  devise = "cpu"
}

provider "local" "not ok" {
}

provider "vertex" "eu" {
  regoin = "x"
}

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
  }
}
