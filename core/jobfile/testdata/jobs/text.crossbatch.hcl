# Token ids of any length, padded to one; missing values by field.
model "intent" {
  artifact = "models/intent.onnx"
}

job "intent" {
  count = 2
  model = model.intent
  input {
    source = ["messages/part-${count.index}-*.jsonl"]
    key    = "message.id"
    tensor "input_ids" {
      field = "tokens"
      pad   = 0
      max   = 128
    }
    tensor "meta" {
      fields = ["age", "channel", "score"]
      null   = { age = "nan", channel = -1, score = "fail" }
    }
    tensor "language" {
      field = "language"
      null  = "unknown"
    }
    tensor "verified" {
      field = "user.verified"
      null  = false
    }
  }
  output {
    destination = "out/intent-${format("%02d", count.index)}"
    select      = ["label", "logits"]
  }
}
