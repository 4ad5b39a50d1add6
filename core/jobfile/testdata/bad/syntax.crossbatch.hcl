job "j" {
  model = 
}

model "m" {
  artifact = "x
}
