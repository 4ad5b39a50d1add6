package vertex

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// maxBody is how large a request may be.
const maxBody = 10 << 20

// route is a call as REST has it.
type route struct {
	verb   string
	path   *regexp.Regexp
	field  string // of the request, that the path holds: parent or name
	body   string // of the request, that the body is; "*": all of it
	method string
	in     func() proto.Message
	answer func(context.Context, any) (any, error)
}

// to makes a route to a method of a service.
func to[I proto.Message, O proto.Message](verb, path, field, body, method string, call func(context.Context, I) (O, error)) route {
	path = strings.NewReplacer("{location}", `(projects/[^/]+/locations/[^/]+)`, "{job}", `(projects/[^/]+/locations/[^/]+/batchPredictionJobs/[^/:]+)`,
		"{model}", `(projects/[^/]+/locations/[^/]+/models/[^/:]+)`, "{operation}", `(projects/[^/]+/locations/[^/]+/operations/[^/:]+)`).Replace(path)
	return route{
		verb: verb, path: regexp.MustCompile("^" + path + "$"), field: field, body: body, method: method,
		in: func() proto.Message {
			var none I
			return none.ProtoReflect().New().Interface()
		},
		answer: func(ctx context.Context, in any) (any, error) {
			message, ok := in.(I)
			if !ok {
				return nil, status.Errorf(codes.Internal, "%T is another message", in)
			}
			return call(ctx, message)
		},
	}
}

func routes(j *jobService, m *modelService, o *operationService, l *logService) []route {
	return []route{
		to("POST", "/v1/{location}/batchPredictionJobs", "parent", "batchPredictionJob", aiplatformpb.JobService_CreateBatchPredictionJob_FullMethodName, j.CreateBatchPredictionJob),
		to("GET", "/v1/{location}/batchPredictionJobs", "parent", "", aiplatformpb.JobService_ListBatchPredictionJobs_FullMethodName, j.ListBatchPredictionJobs),
		to("GET", "/v1/{job}", "name", "", aiplatformpb.JobService_GetBatchPredictionJob_FullMethodName, j.GetBatchPredictionJob),
		to("POST", "/v1/{job}:cancel", "name", "*", aiplatformpb.JobService_CancelBatchPredictionJob_FullMethodName, j.CancelBatchPredictionJob),
		to("DELETE", "/v1/{job}", "name", "", aiplatformpb.JobService_DeleteBatchPredictionJob_FullMethodName, j.DeleteBatchPredictionJob),
		to("GET", "/v1/{location}/models", "parent", "", aiplatformpb.ModelService_ListModels_FullMethodName, m.ListModels),
		to("GET", "/v1/{model}", "name", "", aiplatformpb.ModelService_GetModel_FullMethodName, m.GetModel),
		to("GET", "/v1/{location}/operations", "name", "", longrunningpb.Operations_ListOperations_FullMethodName, o.ListOperations),
		to("GET", "/v1/{operation}", "name", "", longrunningpb.Operations_GetOperation_FullMethodName, o.GetOperation),
		to("POST", "/v1/{operation}:wait", "name", "", longrunningpb.Operations_WaitOperation_FullMethodName, o.WaitOperation),
		to("POST", "/v1/{operation}:cancel", "name", "", longrunningpb.Operations_CancelOperation_FullMethodName, o.CancelOperation),
		to("DELETE", "/v1/{operation}", "name", "", longrunningpb.Operations_DeleteOperation_FullMethodName, o.DeleteOperation),
		to("POST", "/v2/entries:list", "", "*", loggingpb.LoggingServiceV2_ListLogEntries_FullMethodName, l.ListLogEntries),
	}
}

// rest answers a request over REST, by the same methods as over gRPC.
// https://google.aip.dev/127
func (s *Server) rest(w http.ResponseWriter, r *http.Request) {
	numbers := strings.Contains(r.URL.Query().Get("$alt"), "enum-encoding=int")
	out, err := s.restAnswer(w, r)
	if errors.Is(err, errDropped) {
		panic(http.ErrAbortHandler) // which net/http cuts the connection at
	}
	code := http.StatusOK
	var text []byte
	if err == nil {
		text, err = protojson.MarshalOptions{UseEnumNumbers: numbers}.Marshal(out)
	}
	if err != nil {
		code, text = restError(err)
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	_, _ = w.Write(text) // a client that has gone needs no answer
}

func (s *Server) restAnswer(w http.ResponseWriter, r *http.Request) (proto.Message, error) {
	known := false
	for _, route := range s.routes {
		found := route.path.FindStringSubmatch(r.URL.Path)
		if found == nil {
			continue
		}
		if known = true; route.verb != r.Method {
			continue
		}
		in, err := route.read(w, r, found)
		if err != nil {
			return nil, err
		}
		out, err := s.answer(r.Context(), route.method, in, route.answer)
		if err != nil {
			return nil, err
		}
		message, ok := out.(proto.Message)
		if !ok {
			return nil, status.Errorf(codes.Internal, "%T is no message", out)
		}
		return message, nil
	}
	if known {
		return nil, status.Errorf(codes.Unimplemented, "%s %s is not emulated here.", r.Method, r.URL.Path)
	}
	return nil, status.Errorf(codes.NotFound, "There is nothing at %s here.", r.URL.Path)
}

// read puts the message of a request together, of its path, query and body.
func (t route) read(w http.ResponseWriter, r *http.Request, path []string) (proto.Message, error) {
	members := map[string]json.RawMessage{}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, invalid("The body cannot be read: %v.", err)
	}
	switch {
	case t.body == "*" && len(body) > 0:
		if err := json.Unmarshal(body, &members); err != nil {
			return nil, invalid("Invalid JSON payload received: %v.", err)
		}
	case t.body != "" && len(body) > 0:
		members[t.body] = body
	}
	for name, values := range r.URL.Query() {
		if t.body == "*" || strings.HasPrefix(name, "$") || name == "alt" || name == "prettyPrint" || name == "key" || name == "fields" {
			continue
		}
		members[name] = quoted(values[0])
	}
	if t.field != "" {
		members[t.field] = quoted(path[1])
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, invalid("Invalid JSON payload received: %v.", err)
	}
	in := t.in()
	if err := protojson.Unmarshal(text, in); err != nil {
		return nil, invalid("Invalid JSON payload received: %v.", err)
	}
	return in, nil
}

func quoted(text string) json.RawMessage {
	out, _ := json.Marshal(text) // a text can be written
	return out
}

// restStatus are the codes of HTTP for those of gRPC; others are 500.
var restStatus = map[codes.Code]int{
	codes.InvalidArgument: 400, codes.FailedPrecondition: 400, codes.OutOfRange: 400, codes.Unauthenticated: 401, codes.PermissionDenied: 403, codes.NotFound: 404,
	codes.AlreadyExists: 409, codes.Aborted: 409, codes.ResourceExhausted: 429, codes.Canceled: 499, codes.Unimplemented: 501, codes.Unavailable: 503, codes.DeadlineExceeded: 504,
}

// restError is an error as REST tells it.
func restError(err error) (int, []byte) {
	st := status.Convert(err)
	code, ok := restStatus[st.Code()]
	if !ok {
		code = http.StatusInternalServerError
	}
	type body struct {
		Code    int               `json:"code"`
		Message string            `json:"message"`
		Status  string            `json:"status"`
		Details []json.RawMessage `json:"details,omitempty"`
	}
	out := body{Code: code, Message: st.Message(), Status: statusName(st.Code())}
	for _, d := range st.Proto().GetDetails() {
		if text, err := detail(d); err == nil {
			out.Details = append(out.Details, text)
		}
	}
	text, _ := json.Marshal(map[string]body{"error": out}) // of texts
	return code, text
}

func detail(d *anypb.Any) (json.RawMessage, error) { return protojson.Marshal(d) }

// statusName is a code as the service writes it, such as NOT_FOUND.
func statusName(c codes.Code) string {
	if c == codes.Canceled {
		return "CANCELLED"
	}
	var out strings.Builder
	for i, r := range c.String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			out.WriteByte('_')
		}
		out.WriteRune(r)
	}
	return strings.ToUpper(out.String())
}
