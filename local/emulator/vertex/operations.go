package vertex

import (
	"context"

	"cloud.google.com/go/aiplatform/apiv1/aiplatformpb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const operationKind = "operations"

// deleted is the operation of something that has been deleted, which is done at
// once. It is called under the lock.
func (s *Server) deleted(location string) (*longrunningpb.Operation, error) {
	at := place{location, s.newID()}
	now := timestamppb.New(s.now())
	about, err := anypb.New(&aiplatformpb.DeleteOperationMetadata{GenericMetadata: &aiplatformpb.GenericOperationMetadata{CreateTime: now, UpdateTime: now}})
	if err != nil {
		return nil, err
	}
	result, err := anypb.New(&emptypb.Empty{})
	if err != nil {
		return nil, err
	}
	o := &longrunningpb.Operation{Name: s.name(operationKind, at), Metadata: about, Done: true, Result: &longrunningpb.Operation_Response{Response: result}}
	s.operations[at] = o
	return proto.CloneOf(o), nil
}

// operationService is google.longrunning.Operations.
type operationService struct {
	longrunningpb.UnimplementedOperationsServer
	*Server
}

func (s *operationService) get(name string) (*longrunningpb.Operation, error) {
	at, err := s.find(name, operationKind)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.operations[at]; o != nil {
		return proto.CloneOf(o), nil
	}
	return nil, absent(name)
}

// GetOperation shows an operation.
func (s *operationService) GetOperation(_ context.Context, in *longrunningpb.GetOperationRequest) (*longrunningpb.Operation, error) {
	return s.get(in.GetName())
}

// WaitOperation shows an operation. All are done.
func (s *operationService) WaitOperation(_ context.Context, in *longrunningpb.WaitOperationRequest) (*longrunningpb.Operation, error) {
	return s.get(in.GetName())
}

// CancelOperation does nothing to an operation that is done, as all are.
func (s *operationService) CancelOperation(_ context.Context, in *longrunningpb.CancelOperationRequest) (*emptypb.Empty, error) {
	_, err := s.get(in.GetName())
	return &emptypb.Empty{}, err
}

// DeleteOperation forgets an operation.
func (s *operationService) DeleteOperation(_ context.Context, in *longrunningpb.DeleteOperationRequest) (*emptypb.Empty, error) {
	if _, err := s.get(in.GetName()); err != nil {
		return nil, err
	}
	at, err := s.find(in.GetName(), operationKind)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.operations, at)
	return &emptypb.Empty{}, nil
}

// ListOperations lists the operations of a location. Its name is that of the
// location.
func (s *operationService) ListOperations(_ context.Context, in *longrunningpb.ListOperationsRequest) (*longrunningpb.ListOperationsResponse, error) {
	location, err := s.location(in.GetName())
	if err != nil {
		return nil, err
	}
	if in.GetFilter() != "" {
		return nil, invalid("A filter of operations is not emulated here; the service accepts it.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []*longrunningpb.Operation
	for at, o := range s.operations {
		if at.location == location {
			items = append(items, proto.CloneOf(o))
		}
	}
	items, next, err := page(pager{in.GetPageSize(), in.GetPageToken(), in.GetName()}, items, func(o *longrunningpb.Operation) mark { return mark{Name: o.GetName()} })
	if err != nil {
		return nil, err
	}
	return &longrunningpb.ListOperationsResponse{Operations: items, NextPageToken: next}, nil
}
