model "a" {
  container {
    image = "x"
    imag = "x"
  }
}

model "b" {
  registered = { sagemaker = "x" }
}

model "c" {
  for_each = toset(["x"])
  artifact = "x"
}

model "d" {
  count = 2
  artifact = "x"
}

model "m" {
  artifact = "s3://b/m.onnx"
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
job "k" {
  model = model.a
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "k"
  }
}
