# --var where=hunter2
variable "where" {
  sensitive = true
}

model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = var.where
  }
}
job "b" {
  model = model.m
  input {
    source = [var.where]
  }
  output {
    destination = "${var.where}/x"
  }
}
