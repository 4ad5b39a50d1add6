package backend

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/provider"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// errModelChanged says that the model's file is not the one that was submitted.
var errModelChanged = errors.New("the model changed since the run was submitted")

// Code classifies an error of this package. A full disk is NoCapacity: the place
// is full, so the call is not sent again at once, but another attempt may fare
// better, and another provider too.
func (b *Backend) Code(err error) provider.Code { return codeOf(err) }

func codeOf(err error) provider.Code {
	for _, known := range []struct {
		err  error
		code provider.Code
	}{
		{syscall.ENOSPC, provider.NoCapacity},
		{syscall.EDQUOT, provider.NoCapacity},
		{errModelChanged, provider.Conflict},
		{engine.ErrSummary, provider.Internal}, // before its cause, an absent file
		{onnx.ErrNoLibrary, provider.Unsupported},
		{onnx.ErrNoDevice, provider.Unsupported},
		{model.ErrNotONNX, provider.ModelError},
		{syscall.ENOTDIR, provider.Conflict},
		{fs.ErrExist, provider.Conflict},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return engine.CodeOf(err)
}

// classed gives an error of the file system its code.
func classed(doing string, err error) error {
	if err == nil {
		return nil
	}
	return provider.Errorf(codeOf(err), "%s: %w", doing, err)
}
