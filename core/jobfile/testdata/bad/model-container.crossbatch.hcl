model "m" {
  container {
    image = "x:latest"
    imag  = "y"
  }
}

model "n" {
  container {
    content_type = "josnl"
  }
}

model "o" {
  container {
    image    = "x@sha256:01"
    artifact = ""
  }
  container {
    image = "x@sha256:02"
  }
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
