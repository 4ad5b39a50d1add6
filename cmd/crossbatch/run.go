package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/crossbatch/crossbatch/core/model"
	"github.com/crossbatch/crossbatch/core/storage"
	"github.com/crossbatch/crossbatch/local/direct"
	"github.com/crossbatch/crossbatch/local/engine"
	"github.com/crossbatch/crossbatch/local/onnx"
)

// direct is what scoring on this machine stands on, on a device by its name.
func (a *app) direct(rt *onnx.Runtime, digests *storage.Digests, device string) (direct.Options, error) {
	o := direct.Options{Runtime: rt, Open: a.open, Cache: cacheFolder(), Digests: digests, Version: version, Now: a.now, Step: a.step}
	asked, err := onnx.ParseDevice(device)
	if err != nil {
		return o, err
	}
	if o.Device, err = rt.Choose(asked); err != nil {
		return o, fmt.Errorf("%w (`crossbatch runtime status` lists what this machine offers)", err)
	}
	return o, nil
}

// openModel opens a model, wherever it lies.
func (a *app) openModel(ctx context.Context, artifact string) (*model.Package, error) {
	path, err := engine.FetchModel(ctx, a.open, artifact, cacheFolder())
	if err != nil {
		return nil, err
	}
	return model.Open(ctx, path)
}

// openDigests opens what is known of files that were digested before. Without a
// cache folder everything is digested again.
func openDigests() *storage.Digests {
	dir := cacheFolder()
	if dir == "" {
		return nil
	}
	return storage.OpenDigests(filepath.Join(dir, "digests.jsonl"))
}

// cacheFolder is where crossbatch keeps what can be had again; empty where this
// machine has no such place.
func cacheFolder() string {
	dir, err := onnx.Finder{}.CacheFolder()
	if err != nil {
		return ""
	}
	return dir
}

// worse picks the code that several runs end with.
func worse(a, b int) int {
	order := []int{exitError, exitFailed, exitTransient, exitCancelled, exitDetached, exitPartial, exitOK}
	for _, c := range order {
		if a == c || b == c {
			return c
		}
	}
	return exitError
}
