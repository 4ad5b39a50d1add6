package sagemaker

// What X-Amz-Target begins with, and the service that it is signed for.
const (
	modelTarget = "SageMaker."
	modelSigner = "sagemaker"
	logsTarget  = "Logs_20140328."
	logsSigner  = "logs"
)

func (s *Server) routes() map[string]operation {
	sh := newShapes()
	out := map[string]operation{}
	for name, op := range map[string]operation{
		"CreateModel":          {input: sh.createModel, answer: s.createModel},
		"DescribeModel":        {input: sh.nameModel, answer: s.describeModel},
		"ListModels":           {input: sh.listModels, answer: s.listModels},
		"DeleteModel":          {input: sh.nameModel, answer: s.deleteModel},
		"CreateTransformJob":   {input: sh.createTransformJob, answer: s.createTransformJob},
		"DescribeTransformJob": {input: sh.nameJob, answer: s.describeTransformJob},
		"ListTransformJobs":    {input: sh.listJobs, answer: s.listTransformJobs},
		"StopTransformJob":     {input: sh.nameJob, answer: s.stopTransformJob},
		"AddTags":              {input: sh.addTags, answer: s.addTags},
		"ListTags":             {input: sh.listTags, answer: s.listTags},
		"DeleteTags":           {input: sh.deleteTags, answer: s.deleteTags},
	} {
		op.service = modelSigner
		out[modelTarget+name] = op
	}
	for name, op := range map[string]operation{
		"FilterLogEvents":    {input: sh.filterLogEvents, answer: s.filterLogEvents},
		"GetLogEvents":       {input: sh.getLogEvents, answer: s.getLogEvents},
		"DescribeLogStreams": {input: sh.findStreams, answer: s.describeLogStreams},
	} {
		op.service = logsSigner
		out[logsTarget+name] = op
	}
	return out
}
