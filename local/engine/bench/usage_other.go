//go:build !unix

package main

import "os"

// peakMemory is unknown here.
func peakMemory(*os.ProcessState) int64 { return 0 }

// cpuSeconds is unknown here.
func cpuSeconds() float64 { return 0 }
