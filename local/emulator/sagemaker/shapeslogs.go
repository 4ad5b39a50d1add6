package sagemaker

// The shapes of logs/2014-03-28, as far as reading goes.

// logMembers are what all of them take, and own.
func logMembers(own members) members {
	for name, s := range (members{
		"logGroupName": aText(1, 512, matching(`[\.\-_/#A-Za-z0-9]+`)), "logGroupIdentifier": aText(1, 2048, matching(`[\w#+=/:,.@-]*`)),
		"nextToken": aText(1, 0, nil),
	}) {
		own[name] = s
	}
	return own
}

func aStream() *shape { return aText(1, 512, matching(`[^:*]*`)) }

func filterLogEvents() *shape {
	return aStructure(logMembers(members{
		"logStreamNames": aList(1, 100, aStream()), "logStreamNamePrefix": aStream(),
		"startTime": aNumber(0, 0), "endTime": aNumber(0, 0), "filterPattern": aText(0, 1024, nil),
		"limit": aNumber(1, 10000), "interleaved": {kind: boolean}, "unmask": {kind: boolean},
	}))
}

func getLogEvents() *shape {
	return aStructure(logMembers(members{
		"logStreamName": aStream(), "startTime": aNumber(0, 0), "endTime": aNumber(0, 0),
		"limit": aNumber(1, 10000), "startFromHead": {kind: boolean}, "unmask": {kind: boolean},
	}), "logStreamName")
}

func describeLogStreams() *shape {
	return aStructure(logMembers(members{
		"logStreamNamePrefix": aStream(), "orderBy": oneOf("LogStreamName", "LastEventTime"), "descending": {kind: boolean}, "limit": aNumber(1, 50),
	}))
}
