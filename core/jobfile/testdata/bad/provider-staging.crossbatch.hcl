provider "azureml" "w" {
  subscription_id = "s"
  resource_group  = "g"
  workspace       = "w"
  compute         = "c"
  datastore       = "d"
  staging         = "staging/"
}

model "m" {
  artifact = "m.onnx"
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
