# Which customers are about to leave? Scores 4,000 customers with a tree model.
#
#   crossbatch submit propensity.crossbatch.hcl --wait

crossbatch {
  project = "propensity"
}

# Where to run: here, on the GPU if ONNX Runtime finds one, else on the CPU.
provider "local" "here" {
  device = "auto"
}

model "churn" {
  artifact = "model/propensity.onnx"
}

job "churn" {
  model = model.churn

  input {
    source = ["data/*.csv"]
    key    = "customer" # carried to every result

    # The model's input "features" is made of these columns, in this order.
    tensor "features" {
      fields = [
        "tenure_months", "monthly_charges", "total_charges", "contract_months",
        "partner", "dependents", "phone_service", "paperless_billing",
        "dsl", "fiber",
        "multiple_lines", "online_security", "online_backup", "device_protection",
        "tech_support", "streaming_tv", "streaming_movies",
        "electronic_check", "automatic_payment",
      ]
      null = "nan" # an empty cell becomes NaN; every split says where NaN goes
    }
  }

  output {
    destination = "out/scores/"
    keep        = ["contract"]                   # copied from the input
    select      = { score = "probabilities[1]" } # the chance of leaving
  }

  # One record is broken on purpose. It is reported, and the rest is scored.
  limits {
    failed_records = 1
  }
}
