// Package s3 answers as Amazon S3 does, path style, on this machine.
//
// The protocol is gofakes3's; the objects lie in local/emulator/objects. What
// gofakes3 lacks is mended around it: signatures are demanded (their form and
// region; nobody knows a secret here), aws-chunked bodies are decoded, checksums
// and digests are verified and answered, conditions hold on every verb, listings
// are encoded as asked, and multipart uploads are ours altogether. Subresources
// that are not emulated are refused, where gofakes3 would take them for the
// object itself.
//
// It must not know who calls it, nor anything of crossbatch.
package s3
