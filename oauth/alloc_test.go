//go:build !race

// The race detector allocates, and takes memory of its own.

package oauth_test

import (
	"net/http/httptest"
	"runtime"
	"testing"
)

// TestAllocations holds the hot paths to a number of allocations, that of building the request and
// recording the answer included.
func TestAllocations(t *testing.T) {
	h := newBench(t)
	_, web := h.issue("web")
	access, opaque := h.issue("opaque")
	for _, tt := range []struct {
		name string
		most float64
		f    func()
	}{
		{"building a request and recording an answer", 12, func() {
			httptest.NewRequest("POST", "/token", nil)
			httptest.NewRecorder()
		}},
		{"client credentials with a JWT", 160, func() { h.clientCredentials("svc") }},
		{"client credentials with an opaque token", 100, func() { h.clientCredentials("opaque") }},
		{"refresh with a JWT", 225, func() { web = h.rotate("web", web) }},
		{"refresh with an opaque token", 165, func() { opaque = h.rotate("opaque", opaque) }},
		{"introspection", 210, func() { h.call("opaque", "/introspect", "token="+access) }},
	} {
		if got := testing.AllocsPerRun(100, tt.f); got > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}

func TestHandleAllocations(t *testing.T) {
	for _, c := range handleCosts(t) {
		if got := testing.AllocsPerRun(100, c.f); got > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.most)
		}
	}
}

// TestHeapPerGrant bounds what a live grant takes on the memory store.
func TestHeapPerGrant(t *testing.T) {
	n := 5_000
	if long() {
		n = 100_000
	}
	got := heapPerGrant(t, n)
	t.Logf("%.0f bytes a grant, of %d", got, n)
	if got > 600 {
		t.Errorf("a grant takes %.0f bytes, want at most 600", got)
	}
}

// TestRotationIsFlat rotates a thousand grants over and over: what is stored does not grow.
func TestRotationIsFlat(t *testing.T) {
	const grants = 1000
	rounds := 20
	if long() {
		rounds = 1000
	}
	h := newBench(t)
	var tokens [grants]string
	for i := range tokens {
		_, tokens[i] = h.issue("opaque")
	}
	rotate := func() {
		for i := range tokens {
			tokens[i] = h.rotate("opaque", tokens[i])
		}
	}
	rotate()
	before := heap()
	for range rounds {
		rotate()
	}
	after := heap()
	runtime.KeepAlive(h)
	t.Logf("%.0f bytes more after %d rotations", after-before, rounds*grants)
	if after-before > grants*16 {
		t.Errorf("the heap grew by %.0f bytes in %d rotations of %d grants", after-before, rounds*grants, grants)
	}
}
