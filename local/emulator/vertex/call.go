package vertex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"path"
	"strings"
	"time"

	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// errDropped is the error of an answer that is not to be given.
var errDropped = errors.New("dropped")

// intercept answers a request over gRPC.
func (s *Server) intercept(ctx context.Context, in any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	message, ok := in.(proto.Message)
	if !ok {
		return nil, status.Errorf(codes.Internal, "%T is no message", in)
	}
	if err := routed(ctx, message); err != nil {
		return nil, err
	}
	out, err := s.answer(ctx, info.FullMethod, message, handle)
	if errors.Is(err, errDropped) {
		return nil, status.Error(codes.Unavailable, "error reading from server: EOF")
	}
	return out, err
}

// routed demands the header that leads a request to where its resource is. All
// official clients send it.
// https://google.aip.dev/client-libraries/4222
func routed(ctx context.Context, in proto.Message) error {
	var field, want string
	switch in := in.(type) {
	case *longrunningpb.WaitOperationRequest: // the one that they do not send it with
		return nil
	case interface{ GetParent() string }:
		field, want = "parent", in.GetParent()
	case interface{ GetName() string }:
		field, want = "name", in.GetName()
	default:
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	for _, header := range md.Get("x-goog-request-params") {
		if values, err := url.ParseQuery(header); err == nil && values.Get(field) == want {
			return nil
		}
	}
	return refusal(codes.InvalidArgument, "The request has no header x-goog-request-params with %s=%s, which routes it.", field, url.QueryEscape(want))
}

// answer carries a request out, unless it is disturbed.
func (s *Server) answer(ctx context.Context, method string, in proto.Message, handle func(context.Context, any) (any, error)) (any, error) {
	c := Call{Service: "aiplatform", Operation: path.Base(method)}
	if strings.HasPrefix(method, "/google.logging.") {
		c.Service = "logging"
	}
	switch in := in.(type) {
	case interface{ GetParent() string }:
		c.Location = locationOf(in.GetParent())
	case interface{ GetName() string }:
		c.Location = locationOf(in.GetName())
	}
	if s.o.Disturb != nil {
		var err error
		if c.Input, err = canonical(in); err != nil {
			return nil, status.Errorf(codes.Internal, "writing the request: %v", err)
		}
	}
	d, err := s.disturb(ctx, c)
	if err != nil {
		return nil, err
	}
	out, err := handle(context.WithValue(ctx, disturbed{}, d), in)
	if err != nil {
		return nil, err
	}
	c.After = true
	if _, err := s.disturb(ctx, c); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Server) disturb(ctx context.Context, c Call) (Disturbance, error) {
	if s.o.Disturb == nil {
		return Disturbance{}, nil
	}
	d := s.o.Disturb(ctx, c)
	if d.Delay > 0 {
		if err := s.wait(ctx, d.Delay); err != nil {
			return d, status.FromContextError(ctx.Err()).Err()
		}
	}
	if d.Drop {
		return d, errDropped
	}
	if d.Code != codes.OK {
		return d, status.Error(d.Code, d.Message)
	}
	return d, nil
}

// disturbed is the key of a request's Disturbance in its context.
type disturbed struct{}

func disturbance(ctx context.Context) Disturbance {
	d, _ := ctx.Value(disturbed{}).(Disturbance)
	return d
}

// seen is the time that a list is made as of.
func (s *Server) seen(ctx context.Context) time.Time { return s.now().Add(-disturbance(ctx).Stale) }

// canonical writes a message as JSON with sorted members and no spaces, which
// protojson alone does not promise.
func canonical(m proto.Message) ([]byte, error) {
	text, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}
