// Package gcs answers as Google Cloud Storage does, over its JSON API and the
// reads of its XML API, on this machine.
//
// The service is fake-gcs-server's, in memory. What it lacks is mended around it:
// preconditions that it ignores are checked or refused, listings that fold keys
// come in pages, bodies are read before its lock is taken, and its own control
// paths are closed. With a folder, everything is written there when the server is
// closed, and read when it is made: what came after the last clean stop is lost
// with a kill.
//
// It must not know who calls it, nor anything of crossbatch.
package gcs
