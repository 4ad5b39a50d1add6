model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = ["http://h0/x", "http://h1/x", "http://h2/x", "http://h3/x", "http://h4/x", "http://h5/x", "http://h6/x", "http://h7/x", "http://h8/x", "http://h9/x", "http://h10/x", "http://h11/x"]
  }
  output {
    destination = "out/"
  }
}
