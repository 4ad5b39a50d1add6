// Package ociobjectstorage answers as OCI Object Storage does, as far as Oracle's
// SDKs go: namespace, buckets, objects, listings, multipart uploads, rename, copy
// with its work requests, conditions, ranges, checksums. It is an http.Handler over
// local/emulator/objects, and must not know where it listens or who calls.
//
// Facts are those of oci-go-sdk v65's objectstorage package, its doc comments
// and what it was seen to send. Where the service is not documented, the choice made
// here stands beside the code.
//
// Work requests are kept in memory: those of an earlier process are not found.
//
// Requests must carry a well-formed signature (https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm);
// it is verified where Options.Key knows the key. What is not emulated (versions, tiers, retention,
// replication, pre-authenticated requests, customers' keys) answers 501 or 404 and
// never as if it had been done.
package ociobjectstorage
