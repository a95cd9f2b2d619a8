package proof_test

import (
	"fmt"
	"sync"
	"testing"
)

// findings are what a proof found wrong. It is safe for many goroutines.
type findings struct {
	mu    sync.Mutex
	texts map[string]int
}

func (f *findings) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.texts == nil {
		f.texts = make(map[string]int)
	}
	f.texts[fmt.Sprintf(format, args...)]++
}

func (f *findings) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, times := range f.texts {
		n += times
	}
	return n
}

// report fails t for what was found, or, if the system was broken on purpose, for finding nothing.
func (f *findings) report(t testing.TB, broken bool) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if broken && len(f.texts) == 0 {
		t.Error("found nothing wrong with a system that is broken")
	}
	for text, times := range f.texts {
		if broken {
			t.Logf("found as it should: %s (%d times)", text, times)
		} else {
			t.Errorf("%s (%d times)", text, times)
		}
	}
}
