// Package ociblob is a driver of gocloud.dev/blob for OCI Object Storage, over
// Oracle's Go SDK: gocloud has none. Use OpenBucket, and NewClient for the client.
// It must not know jobs, ledgers or URIs.
//
// # Writing
//
// What fits into one part is one PutObject; anything larger is a multipart upload.
// At most WriterOptions.MaxConcurrency parts are sent at once and one more is filled, so a
// writer holds (MaxConcurrency + 1) parts in memory. A part has WriterOptions.BufferSize
// bytes, twice as many after each 1,000 parts, as an object has at most 10,000.
// A writer that fails or is cancelled aborts its upload. IfNotExist is If-None-Match: *,
// checked by the service when the object appears; who loses gets
// gcerrors.FailedPrecondition.
//
// # What is retried
//
// The SDK's own policies are switched off: they send again up to eight times, whatever
// it is. Refused requests (429, and 409 for a lock) are sent again. When it is
// not known whether a request was carried out (5xx, a broken connection), it is sent again only if
// twice is as good as once: reads, lists, parts, aborts, unconditional puts, deletes (where
// "not found" on a second try is success). A put with IfNotExist is not: its caller must read
// back. A commit is not either, but whether it was carried out can be seen: its upload
// is gone. No operation of Object Storage takes an opc-retry-token.
//
// # Escaping
//
// Object names hold neither NUL, line feed nor carriage return, and "../" may not outlive what
// lies between here and the service: these characters become __0xHEX__, as in gocloud's
// drivers. In keys of metadata everything but letters, digits, '-', '_' and '.' does; values of
// metadata are percent-encoded.
//
// # As
//
//   - Bucket: *objectstorage.ObjectStorageClient
//   - Error: common.ServiceError
//   - ListObject: objectstorage.ObjectSummary (not for directories)
//   - ListOptions.BeforeList: *objectstorage.ListObjectsRequest
//   - Reader: objectstorage.GetObjectResponse (not for a length of 0)
//   - ReaderOptions.BeforeRead: *objectstorage.GetObjectRequest
//   - Attributes: objectstorage.HeadObjectResponse
//   - CopyOptions.BeforeCopy: *objectstorage.CopyObjectRequest
//   - WriterOptions.BeforeWrite: *objectstorage.PutObjectRequest, which a multipart upload
//     follows as well
//   - DeleteOptions.BeforeDelete: *objectstorage.DeleteObjectRequest
//
// Signed URLs and delimiters other than "/" are Unimplemented.
package ociblob
