// s5cmd, which the bench runs beside crossbatch: a module of its own, so that what it is
// made of stays out of ours.
module github.com/crossbatch/crossbatch/providers/objectstore/bench/s5cmd

go 1.26.0

require github.com/peak/s5cmd/v2 v2.3.0
