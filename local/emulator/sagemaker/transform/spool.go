package transform

import (
	"bytes"
	"io"
	"os"
)

// spoolMemory is how much of a body is held in memory.
const spoolMemory = 1 << 20

// spool holds a body: in memory when it is small, else in a file of the folder. It
// is written, then read as often as need be, then closed.
type spool struct {
	folder string
	memory []byte
	file   *os.File
	size   int64
}

func newSpool(folder string) *spool { return &spool{folder: folder} }

func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.memory)+len(p) <= spoolMemory {
		s.memory = append(s.memory, p...)
		s.size += int64(len(p))
		return len(p), nil
	}
	if s.file == nil {
		f, err := os.CreateTemp(s.folder, "body-*")
		if err != nil {
			return 0, err
		}
		s.file = f
		if _, err := f.Write(s.memory); err != nil {
			return 0, err
		}
		s.memory = nil
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

// reader reads all of it from the start.
func (s *spool) reader() io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.memory)
	}
	return io.NewSectionReader(s.file, 0, s.size)
}

// last is its last byte; 0 of an empty one.
func (s *spool) last() (byte, error) {
	switch {
	case s.size == 0:
		return 0, nil
	case s.file == nil:
		return s.memory[s.size-1], nil
	}
	var b [1]byte
	_, err := s.file.ReadAt(b[:], s.size-1)
	return b[0], err
}

// truncate leaves the first bytes only.
func (s *spool) truncate(size int64) {
	s.size = size
	if s.file == nil {
		s.memory = s.memory[:size]
	}
}

func (s *spool) close() {
	if s != nil && s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
