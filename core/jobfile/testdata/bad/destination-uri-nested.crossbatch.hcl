model "m" {
  artifact = "m.onnx"
}

job "a" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "s3://b/out"
  }
}

job "b" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "s3://b/out/inner/"
  }
}

job "c" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "s3://b/out/"
  }
}

job "d" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "s3://b/outer"
  }
}

job "e" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "azblob://c/out?storage_account=one"
  }
}

job "f" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "azblob://c/out?storage_account=two"
  }
}

job "g" {
  model = model.m
  input {
    source = ["in.jsonl"]
  }
  output {
    destination = "azblob://c/out/x?storage_account=two"
  }
}
