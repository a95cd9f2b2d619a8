package oauth_test

import (
	"net/url"
	"os"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/oauthtest"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// TestProtocol runs the protocol suite: every flow over HTTP, with faults at every call of the store.
// OAUTHCORE_LONG makes that every pair of faults.
func TestProtocol(t *testing.T) {
	oauthtest.Run(t, func(testing.TB) store.Store { return memory.New() }, &oauthtest.Options{AllPairs: long()})
}

// long reports whether tests that sample should take all there is.
func long() bool { return os.Getenv("OAUTHCORE_LONG") != "" }

// TestDoubtEndsNothing loses the answer of a write that happened and was then covered by others: the
// request sees a token that was used twice over, and may not take its own use for another's.
func TestDoubtEndsNothing(t *testing.T) {
	var s *interceptor
	h := newHost(t, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
	first := h.login("web")
	var third reply
	s.swap = func(r store.Record) error {
		s.swap = nil
		if err := s.Store.Swap(t.Context(), r); err != nil {
			t.Error(err)
		}
		second := h.refresh("web", first.str("refresh_token")).want(t, 200, "")
		third = h.refresh("web", second.str("refresh_token")).want(t, 200, "")
		return errDown
	}
	h.refresh("web", first.str("refresh_token")).want(t, 400, "invalid_grant")
	if !h.active(third.str("access_token")) {
		t.Error("a request that did not know of its own write ended the grant")
	}
	h.refresh("web", third.str("refresh_token")).want(t, 200, "")
}

// TestReuseEndsThroughRotations lets the holder of the current token rotate on while a reuse is being
// punished: the grant ends all the same.
func TestReuseEndsThroughRotations(t *testing.T) {
	var s *interceptor
	h := newHost(t, strict, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
	first := h.login("web")
	last := h.refresh("web", first.str("refresh_token")).want(t, 200, "")
	s.swap = func(store.Record) error {
		s.swap = nil
		for range 2 {
			last = h.refresh("web", last.str("refresh_token")).want(t, 200, "")
		}
		return nil
	}
	h.refresh("web", first.str("refresh_token")).want(t, 400, "invalid_grant")
	if h.active(last.str("access_token")) {
		t.Error("the grant is alive after a reuse")
	}
	h.refresh("web", last.str("refresh_token")).want(t, 400, "invalid_grant")
}

// TestRevocationMeetsRotations rotates between the read and the write of a revocation: it says that it
// is done only when it is.
func TestRevocationMeetsRotations(t *testing.T) {
	for _, tt := range []struct{ rotations, status int }{{1, 200}, {3, 200}, {4, 503}} {
		var s *interceptor
		h := newHost(t, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
		last := h.login("web")
		left := tt.rotations
		var meet func(store.Record) error
		meet = func(store.Record) error {
			if left--; left >= 0 {
				s.swap = nil
				last = h.refresh("web", last.str("refresh_token")).want(t, 200, "")
				s.swap = meet
			}
			return nil
		}
		s.swap = meet
		r := h.post("web", "/revoke", url.Values{"token": {last.str("refresh_token")}})
		s.swap = nil
		if r.StatusCode != tt.status {
			t.Errorf("after %d rotations: %d %s, want %d", tt.rotations, r.StatusCode, r.body, tt.status)
		}
		if alive := h.active(last.str("access_token")); alive != (r.StatusCode != 200) {
			t.Errorf("after %d rotations the answer is %d, and the grant's token is active: %v", tt.rotations, r.StatusCode, alive)
		}
	}
}

// TestEndSubjectMeetsAnother loses the answer of a raise that another covers: both are done.
func TestEndSubjectMeetsAnother(t *testing.T) {
	var s *interceptor
	h := newHost(t, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
	end := func() {
		t.Helper()
		if err := h.srv.EndSubject(t.Context(), "alice"); err != nil {
			t.Error(err)
		}
	}
	end()
	tok := h.login("web").str("access_token")
	s.swap = func(r store.Record) error {
		s.swap = nil
		if err := s.Store.Swap(t.Context(), r); err != nil {
			t.Error(err)
		}
		end()
		end()
		return errDown
	}
	end()
	if h.active(tok) {
		t.Error("a token is active after EndSubject")
	}
}
