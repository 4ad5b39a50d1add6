# --var n=many
# --var l=[1,
# --var b=maybe
# env CROSSBATCH_VAR_o={a=[]}
variable "n" {
  type = number
}

variable "l" {
  type = list(string)
}

variable "b" {
  default = true
}

variable "o" {
  type = object({ a = string })
}

variable "d" {
  type    = number
  default = "x"
}

variable "t" {
  type    = strin
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
