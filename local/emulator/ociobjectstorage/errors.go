package ociobjectstorage

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/crossbatch/crossbatch/local/emulator/objects"
)

// failure is an answer that is not a success. Codes are those of
// https://docs.oracle.com/iaas/Content/API/References/apierrors.htm where they are listed.
type failure struct {
	status        int
	code, message string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func invalid(format string, args ...any) error {
	return &failure{http.StatusBadRequest, "InvalidParameter", fmt.Sprintf(format, args...)}
}

var (
	errIfMatch     = &failure{http.StatusPreconditionFailed, "NoEtagMatch", "The If-Match header is set but the entity tag does not match that of the existing object."}
	errIfNoneMatch = &failure{http.StatusPreconditionFailed, "IfNoneMatchFailed", "The If-None-Match header is set to '*' but the object exists."}
	errNotModified = &failure{status: http.StatusNotModified}
)

// asFailure says how the service puts an error of the core.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	for _, m := range []struct {
		is     error
		status int
		code   string
	}{
		{errNoRoute, http.StatusNotFound, "NotFound"},
		{objects.ErrNoBucket, http.StatusNotFound, "BucketNotFound"},
		{objects.ErrNoObject, http.StatusNotFound, "ObjectNotFound"},
		{objects.ErrNoUpload, http.StatusNotFound, "NoSuchUpload"},
		{objects.ErrNoPart, http.StatusBadRequest, "InvalidUploadPart"},
		{objects.ErrBucketExists, http.StatusConflict, "BucketAlreadyExists"},
		{objects.ErrBucketNotEmpty, http.StatusConflict, "BucketNotEmpty"},
		{objects.ErrClosed, http.StatusServiceUnavailable, "ServiceUnavailable"},
	} {
		if errors.Is(err, m.is) {
			return &failure{m.status, m.code, err.Error()}
		}
	}
	return &failure{http.StatusInternalServerError, "InternalServerError", err.Error()}
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := asFailure(err)
	if f.status == http.StatusNotModified || r.Method == http.MethodHead {
		w.WriteHeader(f.status) // neither has a body
		return
	}
	writeJSON(w, f.status, map[string]string{"code": f.code, "message": f.message})
}

// writeJSON answers with a body. An error is the client's going away.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"code":"InternalServerError","message":"the answer cannot be written"}`)
	}
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
