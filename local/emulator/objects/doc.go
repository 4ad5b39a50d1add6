// Package objects keeps buckets of objects for the emulators that are written
// here: what Azure Blob and OCI Object Storage have in common, and nothing of
// either. It must not know HTTP, nor any service: no header, status or limit.
//
// A write has two steps. Stage takes the bytes in, with no lock held, and tells
// their size and MD5; then Put, PutPart, Commit or another method gives them a
// place, at one stroke, if its Check lets it. A Check sees what stands at the
// key, if anything, under the lock: of any number of writers that ask for
// IfNoneMatch("*"), one is let through.
//
// Keys are any bytes: they are compared, listed and kept as bytes, and mean
// nothing. An upload is a set of named parts on their way to becoming one object;
// the parts are named and ordered by whoever commits it (part numbers of OCI,
// block ids of Azure), and an object remembers of which parts it was made.
//
// With Options.Dir the store outlives the process: a bbolt file holds what is
// known of the objects, their bytes lie beside it in files. Uploads that were not
// committed are forgotten when the store is opened again. A killed process loses
// nothing that it had answered; a machine that loses power may lose the folder,
// as nothing waits for the disk before Close.
package objects
