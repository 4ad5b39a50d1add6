#!/bin/sh
# What `make demo` shows: the churn example from its job file, and what to try next.
set -eu

case $1 in
/*) crossbatch=$1 ;;
*) crossbatch=$PWD/$1 ;;
esac
cd "$(dirname "$0")/propensity"

echo "Scoring 4,000 customers with examples/propensity/propensity.crossbatch.hcl"
echo "(customers-2.csv holds one broken row on purpose; the job allows one)"
echo
"$crossbatch" submit propensity.crossbatch.hcl --wait
"$crossbatch" verify out/scores

cat <<TEXT

Try next, from examples/propensity:
  less propensity.crossbatch.hcl                     the whole job
  $1 inspect model/propensity.onnx    what the model takes and gives
  $1 submit ../forecast --wait        two jobs from one block, CSV out
  $1 init --model model/propensity.onnx --input data/customers-0.csv
                                                     a first job file for a model and data of yours
TEXT
