// Package modelserver answers requests for predictions over HTTP, as the services
// send them: Batch Transform of SageMaker, batch prediction of Vertex AI. It puts
// local/scorer behind their routes, within limits on payload, concurrency and
// time. Every record of a request gets its line, in order; a bad one never fails
// its request.
//
// It must not know shards, runs and results, nor who starts it: what a container's
// environment says is read by one function, ReadEnvironment, for the command.
package modelserver
