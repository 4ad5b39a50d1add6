# --var-file v.cbvars
# --var-file broken.json
# --var-file missing.cbvars
# --var-file deep.json
variable "day" {
}

variable "n" {
  type = number
}

variable "s" {
  type      = number
  sensitive = true
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
