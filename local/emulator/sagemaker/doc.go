// Package sagemaker answers as Amazon SageMaker does to those who use Batch
// Transform, and as CloudWatch Logs does to those who look for what a job said: over
// the protocol of the official SDKs and of the AWS CLI, on this machine.
//
// Requests are held to the service's own patterns, lengths and enums; jobs walk
// through the service's states, and local/emulator/sagemaker/transform really runs
// them: objects in S3, a model server for a container. What stands for a container,
// and where S3 is, the caller says.
//
// Facts are from the service's model and its API reference,
// https://docs.aws.amazon.com/sagemaker/latest/APIReference/; where these do not
// say, or are known to say something else than the service, Uncertain has a choice.
//
// It must not know who calls it, nor anything of crossbatch.
package sagemaker
