//go:build !unix

package backend

import (
	"context"

	"github.com/crossbatch/crossbatch/core/provider"
)

// detachable says whether a process can outlive its parent's terminal here.
func detachable() error {
	return provider.Errorf(provider.Unsupported, "detached workers are not built for this operating system yet; `crossbatch score` runs in the foreground")
}

func (b *Backend) start(context.Context, provider.Request) error { return detachable() }

func (b *Backend) reap() {}
