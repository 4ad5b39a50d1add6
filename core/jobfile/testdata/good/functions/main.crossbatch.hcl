locals {
  feats = jsondecode(file("features.json"))
}

model "m" {
  artifact = "m.onnx"
}

job "j" {
  model = model.m
  input {
    source = [for f in fileset("data", "**/*.jsonl") : "data/${f}"]
    tensor "x" {
      fields = local.feats.numeric
    }
  }
  output {
    destination = "out"
  }
}

output "functions" {
  value = {
    numeric   = [abs(-1), ceil(1.2), floor(1.8), int(1.5), log(8, 2), max(1, 2), min(1, 2), parseint("ff", 16), pow(2, 3), signum(-3)]
    string    = [chomp("a\n"), format("%03d", 7), join("-", ["a", "b"]), lower("A"), regex("[0-9]+", "a12"), regexreplace("a1", "[0-9]", "x"), replace("abc", "b", "d"), strlen("é"), strrev("ab"), substr("abc", 1, 1), title("ab"), trim(" a ", " "), trimprefix("ab", "a"), trimspace(" a "), trimsuffix("ab", "b"), upper("a")]
    lists     = [chunklist([1, 2, 3], 2), coalesce(null, "a"), compact(["", "a"]), concat([1], [2]), contains(["a"], "a"), distinct([1, 1]), element([1, 2], 1), flatten([[1], [2]]), length([1]), range(3), reverse([1, 2]), slice([1, 2, 3], 0, 2), sort(["b", "a"]), split(",", "a,b")]
    maps      = [keys({ a = 1 }), values({ a = 1 }), lookup({ a = 1 }, "b", 2), merge({ a = 1 }, { b = 2 }), zipmap(["a"], [1])]
    sets      = [setunion(["a"], ["b"]), setintersection(["a"], ["a"]), setsubtract(["a", "b"], ["a"]), setproduct(["a"], ["b"])]
    encoding  = [csvdecode("a,b\n1,2\n"), jsonencode({ a = [1] })]
    time      = [formatdate("YYYY-MM-DD", "2026-01-02T00:00:00Z"), timeadd("2026-01-02T00:00:00Z", "24h")]
    convert   = [tobool("true"), tolist(toset(["a"])), tomap({ a = 1 }), tonumber("1"), tostring(1)]
    fallback  = [can(local.feats.nope), try(local.feats.nope, "else"), try(env("NOPE"), "unset")]
    files     = [fileset("data", "*.jsonl"), fileset("data", "none*")]
    sensitive = "no"
  }
}
