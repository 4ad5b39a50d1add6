// Package backend is the provider "local": it runs jobs on this machine, each
// attempt in a process of its own that outlives whoever started it.
//
// An attempt is a folder. request.json says what to score, and its existence
// makes the attempt's name taken. lock is held by the worker for as long as it
// lives: no process id is trusted. worker.json, written under the lock, says that
// a worker began, so a second one never does; cancel asks it to end; status.json
// tells how far it is; end.json is its last deed. What of these is there, and
// whether the lock is held, is the whole state of an attempt.
//
// This package starts, finds and reads such folders, and holds what runs inside
// the worker. How records are scored is the engine's matter. It must not know
// ledgers, destinations, retries or how anything is shown.
package backend
