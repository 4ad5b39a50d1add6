#!/bin/sh
# What `make demo` shows: the churn example from its job file, and what to try next.
# Run from the root of the repository.
set -eu
crossbatch=$1
example=examples/propensity

echo "Scoring 4,000 customers with $example/propensity.crossbatch.hcl"
echo "(one row of customers-2.csv is broken on purpose; the job allows one)"
echo
"$crossbatch" submit $example/propensity.crossbatch.hcl --wait
"$crossbatch" verify $example/out/scores

cat <<TEXT

Try next:
  less $example/propensity.crossbatch.hcl               # the whole job
  $crossbatch inspect $example/model/propensity.onnx  # what the model takes and gives
  $crossbatch plan $example                             # nothing has changed, so nothing would run
  $crossbatch apply examples/forecast                             # two jobs from one block, CSV out; asks first
  $crossbatch init --model M.onnx --input F                       # a first job file for your own
TEXT
