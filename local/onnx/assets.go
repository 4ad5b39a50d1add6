package onnx

import "fmt"

// Version is the ONNX Runtime that Install fetches. Later ones up to 1.30
// leak about 2 kB on each failed run, which one bad record would set off again
// and again.
const Version = "1.27.0"

// The npm package that carries Microsoft's own builds for all platforms.
const (
	npmPackage   = "onnxruntime-node@" + Version
	npmIntegrity = "sha512-QEzGwrvNBgv4uPVdnbHsOGG4G6T96mdlcFI8aAKPjMU8wOPpVocPXb6k3QGkaZagVTv2G9Bnnbo6Z3JdXr1fQw=="
	npmSize      = 100_893_124 // bytes of the tarball
)

// asset is one shared library inside the npm package.
type asset struct {
	Path   string // inside the tarball
	SHA256 string // hex
}

// assetFor returns what Install takes for an operating system and processor,
// in Go's names for them.
func assetFor(goos, goarch string) (asset, error) {
	const root = "package/bin/napi-v6/"
	switch goos + "/" + goarch {
	case "linux/amd64":
		return asset{root + "linux/x64/libonnxruntime.so.1", "d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221"}, nil
	case "linux/arm64":
		return asset{root + "linux/arm64/libonnxruntime.so.1", "c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f"}, nil
	case "darwin/arm64":
		return asset{root + "darwin/arm64/libonnxruntime.1.27.0.dylib", "89f692a3a1a224e4ad0b796b0e7c0bd81113b0741bfe84211eceef14d05a9e59"}, nil
	case "windows/amd64":
		return asset{root + "win32/x64/onnxruntime.dll", "273f9ef9cf755c6a0f342226a80448156c10ceb74db2ae8c8370dc98e75af0eb"}, nil
	}
	return asset{}, fmt.Errorf("onnxruntime-node %s has no library for %s/%s: build or download ONNX Runtime and set %s to it", Version, goos, goarch, PathVariable)
}
