// Package wrap puts behaviour around any provider.Backend, so that no backend
// has it inside: Retry sends again, Limit keeps to the rate that a service
// bears, Faults breaks calls on purpose.
//
// Wrappers compose. The usual order is Retry(Limit(backend)): what is sent
// again counts against the rate, too. Faults stand right around the backend,
// so that the others deal with them.
//
// A call that yields a sequence (List, Results, Logs) is surrounded up to its
// first value. From then on the sequence passes as it stands: what goes wrong
// later is the consumer's to see, and pages that a backend reads on the way are
// calls that no wrapper knows of. Pure methods and Close are not surrounded.
//
// This package must not know any service, nor what a call is for.
package wrap
