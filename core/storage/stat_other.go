//go:build !linux

package storage

import "io/fs"

func statOf(i fs.FileInfo) stat { return stat{Size: i.Size(), ModTime: i.ModTime().UnixNano()} }
