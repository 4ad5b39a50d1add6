package storage

import (
	"io/fs"
	"syscall"
)

func statOf(i fs.FileInfo) stat {
	s := stat{Size: i.Size(), ModTime: i.ModTime().UnixNano()}
	if sys, ok := i.Sys().(*syscall.Stat_t); ok {
		s.Changed, s.Inode = sys.Ctim.Nano(), sys.Ino
	}
	return s
}
