// Package jobfile reads job files: HCL in *.crossbatch.hcl, resolved into
// core/job values with every variable, reference and default in its place.
//
// Each problem becomes a diagnostic with a file, a range and, where one is
// known, a hint; all of them are reported, not the first. What the language
// knows but this version does not do is refused by name, never ignored: Schema
// is the one table of blocks and fields, and says which are built.
//
// The package opens job files and what file(), fileset() and variable files
// name, and nothing else. It must not know what a model or a record looks
// like, whether an input exists, or what a provider's fields mean.
package jobfile
