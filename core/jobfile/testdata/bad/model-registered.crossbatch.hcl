model "a" {
  registered = {}
}

model "b" {
  registered = { local = "x" }
}

model "c" {
  registered = { sagemakr = "x", vertex = "" }
}

model "d" {
  registered = { azureml = "churn" }
}

model "e" {
  registered = "x"
}

job "j" {
  model = model.a
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "out/"
  }
}
