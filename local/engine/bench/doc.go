// Command bench measures crossbatch against its own limits and against what one
// would otherwise write: a Node script and a plain Go program. Everything in one
// table comes from one run, one machine, the same files and the same models.
//
//	make bench
//	go run ./local/engine/bench --rows 200000 --only 'mlp jsonl'
//
// For each model and format it measures
//
//	a1  ONNX Runtime alone: tensors in memory, batches of 256, a session a core
//	a2  reading and writing alone: crossbatch with a model that does next to nothing
//	b   crossbatch score, as a whole process, the input's digest included
//	b1  the same on one core
//	c   Node: readline and onnxruntime-node (peer/peer.mjs)
//	d   Go: bufio.Scanner and encoding/json (peer/main.go)
//
// in turns (a1, a2, b, c, d, a1, …) and takes medians. It fails when the outputs
// of b, c and d differ. The rows are real ones, drawn with replacement and each
// value with noise of its own: rows that repeat would flatter trees, whose branches
// the processor then predicts.
//
// It calls the binary only, so that it measures what a user runs. Work that takes
// memory happens in children of this program: on Linux a process's peak memory
// starts with that of the process that started it.
package main
