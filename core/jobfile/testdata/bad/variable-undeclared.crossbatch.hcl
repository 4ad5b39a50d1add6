# --var dya=1
# --var novalue
# --var zzz=1
variable "day" {
  default = "x"
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
