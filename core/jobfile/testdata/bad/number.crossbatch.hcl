locals {
  ok   = 1e300
  huge = "${1e999999999}"
}
