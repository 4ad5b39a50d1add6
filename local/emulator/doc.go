// Package emulator runs the object stores of four clouds, and services that score in
// batch, on this machine's loopback, each on a port of its own, as their official SDKs
// and CLIs know them.
//
// Each service is a package below this one; here they are put together: ports,
// folders, names, the environment variables and lines that lead clients to them, a
// clean stop. What runs where a service would run a container, the caller says. It
// must not know what the services are used for: nothing of jobs, models or
// crossbatch's storage is known here. A further service is one more entry in kinds.
package emulator
