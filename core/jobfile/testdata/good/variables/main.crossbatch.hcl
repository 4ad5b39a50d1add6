# --var-file one.cbvars
# --var-file two.json
# --var e=flag
# --var words=["a", "b"]
# --var typed=5
# --var any={ x = [1, 2] }
# --var text=[not, hcl
# --var sum=1 + 1
# --var secret=hunter2
# env CROSSBATCH_VAR_b=env
# env CROSSBATCH_VAR_c=env
# env CROSSBATCH_VAR_d=env
# env CROSSBATCH_VAR_e=env
# env CROSSBATCH_VAR_elsewhere=ignored
variable "a" {
  default     = "default"
  description = "stays"
}

variable "b" {
  default = "default"
}

variable "c" {
  default = "default"
}

variable "d" {
  default = "default"
}

variable "e" {
  default = "default"
}

variable "two" {
  default = "default"
}

variable "words" {
  type = list(string)
}

variable "typed" {
  default = 3
}

variable "any" {
  type = any
}

variable "text" {
}

variable "sum" {
  type = number
  validation {
    condition     = var.sum == 2
    error_message = "sum is 2"
  }
}

variable "object" {
  type = object({ name = string, size = optional(number, 7) })
}

variable "nothing" {
  type    = string
  default = null
}

variable "secret" {
  sensitive = true
}

output "all" {
  value = [var.a, var.b, var.c, var.d, var.e, var.two]
}

output "types" {
  value = { words = var.words, typed = var.typed, any = var.any, text = var.text, sum = var.sum, object = var.object, nothing = var.nothing }
}

output "secret" {
  value = upper(var.secret)
}
