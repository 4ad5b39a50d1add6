model "m" {
  artifact = "m.onnx"
}

model "n" {
  artifact = model.m.artifact
}

model "o" {
  artifact = model.o.artifact
}

job "j" {
  model = var.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}

variable "m" {
  default = "m"
}
