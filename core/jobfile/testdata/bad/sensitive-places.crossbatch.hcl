variable "s" {
  default   = "hunter2"
  sensitive = true
}

provider "local" "here" {
}

model "m" {
  container {
    image = var.s
  }
}

job "j" {
  model = model.m
  for_each = toset([var.s])
  depends_on = [var.s]
  override "local" {
    compute {
      machine = "x"
      memory  = var.s
    }
  }
  input {
    source = ["hdfs://${var.s}"]
  }
  output {
    destination = "gs://${var.s}*/x"
  }
}
