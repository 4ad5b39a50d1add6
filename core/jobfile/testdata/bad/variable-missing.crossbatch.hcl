variable "day" {
  type = string
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["${var.day}.jsonl"]
  }
  output {
    destination = "out/"
  }
}
