//go:build unix

package ledger_test

import (
	"strconv"
	"strings"
	"testing"
)

func TestSixteenProcessesAppend(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	key, err := begin(t.Context(), l, print16(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	children(t, dir, appenders, func(int) string { return "" }, keyEnv+"="+string(key))
	events, err := l.History(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 1+appenders*appends {
		t.Errorf("%d events", len(events))
	}
	next := map[string]int{} // of each process: its events are there once, in its order
	nonces := map[string]bool{}
	for i, e := range events {
		if e.Seq != i+1 || nonces[e.Nonce] {
			t.Errorf("event %d stands at %d, nonce %s", e.Seq, i+1, e.Nonce)
		}
		nonces[e.Nonce] = true
		if i == 0 {
			continue
		}
		name, number, _ := strings.Cut(e.Request, "/")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		if next[name] != n {
			t.Errorf("of %s, event %d stands where %d should", name, n, next[name])
		}
		next[name]++
	}
	sound(t, l)
}
