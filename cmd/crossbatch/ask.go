package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// answer reads a line from the terminal that a question was asked on.
func (a *app) answer(ctx context.Context) (string, error) {
	answer := make(chan string, 1)
	go func() { // reading cannot be interrupted; the process ends instead
		line, err := bufio.NewReader(a.stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			line = ""
		}
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case text := <-answer:
		fmt.Fprintln(a.stderr)
		return text, nil
	}
}
