// Package azblob answers as Azure Blob Storage does, as far as the official SDKs
// go: containers, block blobs, blocks and block lists, ranges, listings, copies
// within the account, properties, metadata, conditions, digests. It is an
// http.Handler over local/emulator/objects.
//
// Paths are those of Microsoft's own emulators: the account comes first,
// http://HOST:PORT/devstoreaccount1/container/blob, and requests are signed with
// that account's key, which everybody has. What is not emulated (leases, snapshots,
// versions, tags, append and page blobs, tiers) answers 501, and never as if it had
// been done.
//
// Facts are those of https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
// and what azblob v1.8.3 was seen to send. It must not know who calls it, nor
// anything of crossbatch.
package azblob
