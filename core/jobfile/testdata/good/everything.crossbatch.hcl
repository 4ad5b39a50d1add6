# version 0.4.2-rc1
# env REGION=north
crossbatch {
  required_version = ">= 0.1, < 1.0"
  project          = "nightly"
}

provider "local" "cpu" {
  device = "cpu"
}

provider "local" "gpu" {
  device = "cuda:0"
}

provider "sagemaker" "us" {
  region    = "us-east-1"
  retention = "7d"
}

locals {
  where  = { fast = provider.local.gpu, slow = provider.local.cpu }
  chosen = local.model["big"]
  model  = { big = model.big, small = model.small }
}

model "big" {
  artifact = "../models/./big.onnx"
}

model "small" {
  artifact = "/models/small.onnx"
}

job "all" {
  model = local.chosen

  input {
    source = ["data/${env("REGION")}/*.csv", "more/", "/abs/**/x[0-9].csv"]
    format = "csv"
    key    = ["customer", "product"]
    empty  = "ok"
    csv {
      header    = false
      delimiter = "\t"
    }
    tensor "z" {
      field = "profile.segment"
      null  = "unknown"
    }
    tensor "features" {
      fields = ["age", "income", "vip", "score", "name"]
      null   = { age = "nan", income = 0.1, vip = false, score = 1e300, name = "fail" }
    }
    tensor "tokens" {
      field = "tokens"
      pad   = 0
      max   = 128
      null  = "nan"
    }
    tensor "n" {
      field = "n"
      null  = -1.50
    }
  }

  output {
    destination = "out/./all"
    format      = "csv"
    compression = "none"
    keep        = { id = "customer", area = "profile.area" }
    select      = { score = "probabilities[1]", name = "classes[\"a b\"][0]", whole = "raw" }
    existing    = "fail"
  }

  batching {
    records = 256
  }

  compute {
    instances = 2
    cpus      = 4
    memory    = "16GiB"
    spot      = true
    machine   = "ml.m5.xlarge"
    gpu {
      type = "nvidia-t4"
    }
  }

  limits {
    failed_records = "1.5%"
    retries        = 2
  }

  placement {
    providers = [local.where.fast]
    strategy  = "cheapest"
    failover  = false
    accept    = ["compute.spot", "limits"]
  }

  env = {
    LOG_LEVEL = "info"
    THREADS   = 4
  }
  labels = { team = "growth" }
}

job "list" {
  model    = model.small
  provider = true ? provider.local.cpu : provider.sagemaker.us
  input {
    source = toset(["b.jsonl", "a.jsonl"])
    key    = "id"
    format = null
    tensor "x" {
      fields = ["a"]
      null   = 7
    }
  }
  output {
    destination = "out-list/"
    keep        = ["b", "a.c"]
    select      = ["score:0", "label"]
  }
  limits {
    failed_records = 10
  }
}
