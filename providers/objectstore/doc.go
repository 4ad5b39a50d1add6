// Package objectstore opens the buckets of Amazon S3, Google Cloud Storage, Azure
// Blob Storage, OCI Object Storage and what speaks S3's protocol, with the
// official SDKs, for core/storage to work on.
//
// A URI says where a bucket is, never who may use it: credentials come from each
// SDK's own chain. It must not know what the objects mean.
//
//	s3://BUCKET/PREFIX?region=&endpoint=&use_path_style=&profile=&anonymous=&request_checksum_calculation=
//	gs://BUCKET/PREFIX?endpoint=&anonymous=
//	azblob://CONTAINER/PREFIX?storage_account=&domain=&protocol=&localemu=&anonymous=
//	oci://BUCKET@NAMESPACE/PREFIX?region=&endpoint=&instance_principal=
//
// Plain paths and file:// URIs are folders of this machine.
package objectstore
