job "k" {
  model == 1
}
