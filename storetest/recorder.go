package storetest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// recorder is a [testing.TB] that keeps the outcome of a case to itself. What it does not override, such as
// Context and Cleanup, is that of the test it runs in.
type recorder struct {
	testing.TB

	mu      sync.Mutex
	failed  bool
	skipped bool
	log     strings.Builder
}

// record runs f, which may end its goroutine, and returns what it reported.
func record(t testing.TB, f func(testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func (r *recorder) note(failed, skipped bool, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	r.skipped = r.skipped || skipped
	if text != "" {
		r.log.WriteString(strings.TrimSuffix(text, "\n") + "\n")
	}
}

func (r *recorder) Helper()                   {}
func (r *recorder) Log(args ...any)           { r.note(false, false, fmt.Sprintln(args...)) }
func (r *recorder) Logf(f string, a ...any)   { r.note(false, false, fmt.Sprintf(f, a...)) }
func (r *recorder) Fail()                     { r.note(true, false, "") }
func (r *recorder) Error(args ...any)         { r.note(true, false, fmt.Sprintln(args...)) }
func (r *recorder) Errorf(f string, a ...any) { r.note(true, false, fmt.Sprintf(f, a...)) }
func (r *recorder) FailNow()                  { r.Fail(); runtime.Goexit() }
func (r *recorder) Fatal(args ...any)         { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(f string, a ...any) { r.Errorf(f, a...); runtime.Goexit() }
func (r *recorder) SkipNow()                  { r.note(false, true, ""); runtime.Goexit() }
func (r *recorder) Skip(args ...any)          { r.note(false, true, fmt.Sprintln(args...)); runtime.Goexit() }
func (r *recorder) Skipf(f string, a ...any) {
	r.note(false, true, fmt.Sprintf(f, a...))
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *recorder) Skipped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.skipped
}
