package sagemaker

import (
	"errors"
	"fmt"
	"net/http"
)

// fault is an answer that is an error.
type fault struct {
	status  int
	code    string
	message string
}

func (f *fault) Error() string { return f.code + ": " + f.message }

// modelled says that a code is one of the shapes in the service's model, which
// write Message; others write message.
func (f *fault) modelled() bool {
	switch f.code {
	case "ResourceInUse", "ResourceNotFound", "ResourceLimitExceeded", "ConflictException":
		return true
	}
	return false
}

func refusal(code, format string, args ...any) *fault {
	return &fault{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *fault {
	return refusal("ValidationException", format, args...)
}

// notEmulated refuses what the service would do and this emulator does not.
func notEmulated(what string) *fault {
	return invalid("%s is not emulated here; the service accepts it.", what)
}

// modelExists is what the service says to a model's name that is taken.
func modelExists(arn string) *fault {
	return invalid("Cannot create already existing model %q.", arn)
}

func noModel(arn string) *fault { return invalid("Could not find model %q.", arn) }

func jobExists(arn string) *fault {
	return refusal("ResourceInUse", "Job name must be unique within an AWS account and region, and a job with this name already exists (%s)", arn)
}

// noJob is what the service says of a job that it does not know.
func (s *Server) noJob(message string) *fault {
	if s.o.Uncertain.UnknownIsNotFound {
		return refusal("ResourceNotFound", "%s", message)
	}
	return invalid("%s", message)
}

func overQuota(instanceType string, limit, used, asked int) *fault {
	return refusal("ResourceLimitExceeded", "The account-level service limit '%s for transform job usage' is %d Instances, with current utilization of %d Instances "+
		"and a request delta of %d Instances. Please contact AWS support to request an increase for this limit.", instanceType, limit, used, asked)
}

func asFault(err error) *fault {
	var f *fault
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, errClosed):
		return &fault{http.StatusServiceUnavailable, "ServiceUnavailable", "The emulator is being stopped."}
	}
	return &fault{http.StatusInternalServerError, "InternalFailure", fmt.Sprintf("We encountered an internal error: %v", err)}
}
