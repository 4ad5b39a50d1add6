model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["s3://b/in/**/*.csv"]
  }
  output {
    destination = "s3://b/in/x/out/"
  }
}

job "b" {
  model = model.m
  input {
    source = ["s3://b/data/"]
  }
  output {
    destination = "s3://b/data/b/"
  }
}

job "c" {
  model = model.m
  input {
    source = ["s3://other/in/"]
  }
  output {
    destination = "s3://b/in2/"
  }
}
