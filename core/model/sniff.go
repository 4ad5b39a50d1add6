package model

import (
	"bytes"
	"unicode/utf8"
)

// sniff says what a file that is no ONNX model looks like; empty when it looks
// like nothing in particular.
func sniff(b []byte) string {
	head := b[:min(len(b), 512)]
	lower := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	starts := func(prefix string) bool { return bytes.HasPrefix(head, []byte(prefix)) }
	at := func(offset int, magic string) bool {
		return len(head) >= offset && bytes.HasPrefix(head[offset:], []byte(magic))
	}
	switch {
	case len(b) == 0:
		return "the file is empty"
	case starts("version https://git-lfs"):
		return "it is a Git LFS pointer: fetch the real file with `git lfs pull`"
	case bytes.HasPrefix(lower, []byte("<!doctype html")), bytes.HasPrefix(lower, []byte("<html")):
		return "it is an HTML page, perhaps a download link's web page"
	case bytes.HasPrefix(lower, []byte("<?xml")):
		return "it is an XML document, perhaps an object store's error reply"
	case starts("PK\x03\x04"):
		return "it is a ZIP archive (PyTorch and Keras save such files): export the model to ONNX"
	case starts("\x1f\x8b"), at(257, "ustar"):
		return "it is a compressed or tar archive: unpack it and name the .onnx file in it"
	case len(b) > 1 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5:
		return "it is a Python pickle: export the model to ONNX"
	case starts("\x89HDF"):
		return "it is an HDF5 file (Keras saves such files): export the model to ONNX"
	case at(4, "TFL3"):
		return "it is a TensorFlow Lite model"
	case at(4, "ORTM"):
		return "it is a model in ONNX Runtime's own ORT format: give the .onnx file it was made from"
	case starts("PAR1"):
		return "it is a Parquet file"
	case isText(head):
		line, _, _ := bytes.Cut(head, []byte("\n"))
		return "it is text; it starts with \"" + string(bytes.ToValidUTF8(line[:min(len(line), 40)], nil)) + "\""
	}
	return ""
}

// isText reports that there is nothing but printable characters, at least eight of them.
func isText(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	for i := 0; i < len(head); {
		r, size := utf8.DecodeRune(head[i:])
		if r == utf8.RuneError && size == 1 && len(head)-i >= utf8.UTFMax { // a rune may be cut at the end
			return false
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
		i += size
	}
	return true
}
