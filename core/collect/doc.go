// Package collect turns the pieces of a run into a published result: parts, the
// manifest that commits them, and the removal of what it replaced. It is the
// only writer of destinations.
//
// It works through core/storage alone, so that a destination may lie anywhere.
// It must not know what scored the records, how a run was started or who asks
// for its result.
package collect
