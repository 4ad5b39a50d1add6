// Package container is what the emulators of services agree on about the
// containers that those services would run: what one is told, how its server is
// reached, its log in lines, and the wait until it is ready.
//
// How a server is started is the caller's affair; which routes it has, and what it
// is asked, each service knows.
package container
