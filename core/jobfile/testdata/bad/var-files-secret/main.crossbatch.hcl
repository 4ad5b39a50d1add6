# --var-file b.json
variable "s" {
  sensitive = true
}
