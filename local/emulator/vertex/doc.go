// Package vertex answers as Vertex AI does to those who use batch prediction, and as
// Cloud Logging does to those who look for what a job said: over gRPC, as the
// official clients speak it, and the same calls over REST, on one port of this
// machine.
//
// Requests are held to the service's own rules; jobs walk through the service's
// states, and local/emulator/vertex/predict really runs them: objects in Cloud
// Storage, a model server for a container. What stands for a container, and where
// Cloud Storage is, the caller says.
//
// A Server is an http.Handler that needs HTTP/2 without TLS for gRPC: see Protocols.
//
// Facts are from the comments of the service's protos, in
// cloud.google.com/go/aiplatform/apiv1/aiplatformpb, and from its guides at
// https://docs.cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions;
// where these do not say, Uncertain has a choice.
//
// It must not know who calls it, nor anything of crossbatch.
package vertex
