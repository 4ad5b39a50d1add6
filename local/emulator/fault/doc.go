// Package fault says what goes wrong with calls of an emulated control plane, and
// how often: in words that hold for all of them. Each plane says a fault in its
// service's own codes.
//
// It must not know any service, nor how requests look.
package fault
