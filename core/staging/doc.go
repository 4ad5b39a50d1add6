// Package staging puts model packages, mappings and input where a provider can
// read them, and says what of that may go again. Below the prefix that a provider
// block names as its staging place lie:
//
//	models/<digest>/model.onnx         the model file, and its external data beside it
//	models/<digest>/_model.json        the commit: what belongs to the package
//	mappings/<digest>/scorer.json      a mapping
//	inputs/<digest>/records/           numbered pieces of records, and nothing else
//	inputs/<digest>/pieces/            what a process that goes on after a kill need not do again
//	inputs/<digest>/_staged.json       the commit: where every piece comes from
//	runs/<run>/                        what a run's native jobs write
//
// Everything but runs/ is named by what it is made of, and written so that doing
// it again, or twice at once, gives the same bytes. An object is whole when it is
// there; a package or an input is whole when its commit and all that it names are.
//
// It must not know what a provider does with it, how a record is scored, or what a
// list object of a service looks like.
package staging
