//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// small is crossbatch on a disk where a file ends at 64 KiB: a full disk that
// needs no mount, for root as for anybody.
func small() {
	signal.Ignore(syscall.SIGXFSZ)
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		panic(err)
	}
	l.Cur = 64 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		panic(err)
	}
	main()
}
