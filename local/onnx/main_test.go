package onnx

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// inChild makes the test binary do one thing in a process of its own, where no
// library is loaded yet.
const inChild = "CROSSBATCH_TEST_LOAD"

func TestMain(m *testing.M) {
	if first := os.Getenv(inChild); first != "" {
		os.Exit(loadInChild(first))
	}
	os.Exit(m.Run())
}

// loadInChild prints the error of loading a file that is no library, and then
// whether the real one still loads.
func loadInChild(first string) int {
	lib, err := Finder{}.Find(context.Background())
	if err != nil {
		fmt.Println(err)
		return 1
	}
	_, err = Load(Library{Path: first, Source: FromVariable})
	fmt.Println(err)
	rt, err := Load(lib)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("then", rt.Version)
	return 0
}

// loadedRuntime is the real library.
func loadedRuntime(t testing.TB) *Runtime {
	t.Helper()
	lib, err := Finder{}.Find(context.Background())
	if err != nil {
		t.Fatalf("run `make runtime` first: %v", err)
	}
	rt, err := Load(lib)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}
