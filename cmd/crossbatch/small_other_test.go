//go:build !unix

package main

func small() { panic("no limit on the size of files here") }
