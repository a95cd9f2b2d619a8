// Package recorder runs a piece of a test and keeps what it reports: for suites that try themselves on what
// is broken, and for pieces that run side by side within one case.
package recorder

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Outcome is what a function reported.
type Outcome struct {
	Failed, Skipped bool
	Log             string // a line for each report, with a newline after each
}

// Record runs f, which may end its goroutine, with a [testing.TB] that reports to the Outcome and not to t,
// then what f gave to Cleanup, the last first. All else, such as Context and TempDir, is t's.
func Record(t testing.TB, f func(testing.TB)) Outcome {
	r := &recorder{TB: t}
	r.apart(func() { f(r) })
	for {
		r.mu.Lock()
		n := len(r.cleanups)
		if n == 0 {
			defer r.mu.Unlock()
			return Outcome{Failed: r.failed, Skipped: r.skipped, Log: r.log.String()}
		}
		last := r.cleanups[n-1]
		r.cleanups = slices.Delete(r.cleanups, n-1, n)
		r.mu.Unlock()
		r.apart(last)
	}
}

type recorder struct {
	testing.TB

	mu       sync.Mutex
	failed   bool
	skipped  bool
	log      strings.Builder
	cleanups []func()
}

// apart runs f in a goroutine that f may end.
func (r *recorder) apart(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
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

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
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
func (r *recorder) Skip(args ...any)          { r.Log(args...); r.SkipNow() }
func (r *recorder) Skipf(f string, a ...any)  { r.Logf(f, a...); r.SkipNow() }

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
