package oauth_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

func strict(c *oauth.Config) { c.RefreshGrace = -1 }

// R9700-2.2.2-1, OAuth21-4.3.1-1, MCP-AS-7
func TestRefreshRotates(t *testing.T) {
	for _, app := range []string{"web", "opaque", "two", "pub", "spa"} {
		t.Run(app, func(t *testing.T) {
			s := &interceptor{}
			h := newHost(t, s.wrap)
			r := h.login(app)
			seen := map[string]bool{r.str("refresh_token"): true, r.str("access_token"): true}
			for range 5 {
				reads, writes := s.reads.Load(), s.writes.Load()
				next := h.refresh(app, r.str("refresh_token")).want(t, 200, "")
				if got, got2 := s.reads.Load()-reads, s.writes.Load()-writes; got != 2 || got2 != 1 {
					t.Errorf("%d reads and %d writes of the store, want 2 and 1", got, got2)
				}
				for _, name := range []string{"refresh_token", "access_token"} {
					if next.str(name) == "" || seen[next.str(name)] {
						t.Errorf("the %s did not change", name)
					}
					seen[next.str(name)] = true
				}
				if !h.active(r.str("access_token")) || !h.active(next.str("access_token")) {
					t.Error("an access token ended by the rotation")
				}
				wellFormed(t, next)
				r = next
			}
		})
	}
}

// R6749-6-1, R6749-6-3, R8707-2.1-1, R8707-2.2-1
func TestRefreshNarrows(t *testing.T) {
	s := &interceptor{}
	h := newHost(t, s.wrap)
	v := h.request("web")
	v["resource"] = []string{api, files}
	tok := h.exchange(v, h.codeOf(v)).want(t, 200, "").str("refresh_token")
	for _, tt := range []struct {
		set   []string
		scope string
		aud   []string
	}{
		{[]string{"scope", "read"}, "read", []string{api, files}},
		{nil, "read write", []string{api, files}},
		{[]string{"scope", "write", "resource", files}, "write", []string{files}},
		{[]string{"resource", api}, "read write", []string{api}},
		{[]string{"scope", "write read"}, "write read", []string{api, files}},
		{[]string{"scope", ""}, "read write", []string{api, files}},
	} {
		r := h.refresh("web", tok, tt.set...).want(t, 200, "")
		c := h.claims(r.str("access_token"))
		if r.str("scope") != tt.scope || strings.Join(c.Scopes, " ") != tt.scope || !slices.Equal(c.Audience, tt.aud) {
			t.Errorf("with %q: answered %q, the token says %q for %q", tt.set, r.str("scope"), c.Scopes, c.Audience)
		}
		tok = r.str("refresh_token")
	}
	for _, tt := range []struct{ name, value, code string }{
		{"scope", "read admin", "invalid_scope"}, {"scope", "admin", "invalid_scope"}, {"scope", "read unknown", "invalid_scope"},
		{"scope", "read  write", "invalid_scope"}, {"resource", "https://evil.example", "invalid_target"}, {"resource", api + "/", "invalid_target"},
		{"tenant", "acme", "invalid_grant"},
	} {
		s.unwritten(t, func() { h.refresh("web", tok, tt.name, tt.value).want(t, 400, tt.code) })
	}
	h.refresh("web", tok).want(t, 200, "")
}

// R9700-4.14.2-3
func TestRefreshExpires(t *testing.T) {
	t.Run("unused, to the second", func(t *testing.T) {
		h := newHost(t, func(c *oauth.Config) {
			c.RefreshLifetime = time.Hour
			c.Apps = apps(func(s registry.Static) { edit(s, "web").Policy.RefreshLifetime = time.Minute })
		})
		for app, life := range map[string]time.Duration{"two": time.Hour, "web": time.Minute} {
			tok := h.login(app).str("refresh_token")
			for range 3 { // each use begins it anew
				h.pass(life - time.Second)
				tok = h.refresh(app, tok).want(t, 200, "").str("refresh_token")
			}
			h.pass(life)
			h.refresh(app, tok).want(t, 400, "invalid_grant")
			inactive(t, h.introspect(app, tok))
		}
	})
	t.Run("however often it is used", func(t *testing.T) {
		h := newHost(t, func(c *oauth.Config) { c.GrantLifetime = 100 * time.Minute })
		tok := h.login("web").str("refresh_token")
		for range 99 {
			h.pass(time.Minute)
			tok = h.refresh("web", tok).want(t, 200, "").str("refresh_token")
		}
		h.pass(59 * time.Second)
		r := h.refresh("web", tok).want(t, 200, "")
		if r.json["expires_in"] != 1.0 {
			t.Errorf("the last access token has expires_in %v, want 1: no token outlives its grant", r.json["expires_in"])
		}
		h.pass(time.Second)
		h.refresh("web", r.str("refresh_token")).want(t, 400, "invalid_grant")
		h.refresh("web", tok).want(t, 400, "invalid_grant") // nor within the grace
	})
	t.Run("at once when the platform shortens it", func(t *testing.T) {
		var app *registry.App
		h := newHost(t, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { app = edit(s, "web") }) })
		tok := h.login("web").str("refresh_token")
		h.pass(2 * time.Hour)
		app.Policy.RefreshLifetime = time.Hour
		h.refresh("web", tok).want(t, 400, "invalid_grant")
		app.Policy.RefreshLifetime = 0
		h.refresh("web", tok).want(t, 200, "")
	})
}

func TestRefreshGrace(t *testing.T) {
	for _, tt := range []struct{ config, grace time.Duration }{{0, 10 * time.Second}, {time.Minute, time.Minute}} {
		s := &interceptor{}
		h := newHost(t, s.wrap, func(c *oauth.Config) { c.RefreshGrace = tt.config })
		t.Run("a retry gets the same successor, "+tt.grace.String(), func(t *testing.T) {
			r := h.login("web")
			h.pass(time.Hour)
			want := h.refresh("web", r.str("refresh_token")).want(t, 200, "")
			if h.lastEvent().Retried {
				t.Error("the first use is called a retry")
			}
			for i := range 10 {
				var got reply
				s.unwritten(t, func() { got = h.refresh("web", r.str("refresh_token")).want(t, 200, "") })
				if got.str("refresh_token") != want.str("refresh_token") {
					t.Fatal("a retry got another successor")
				}
				if e := h.lastEvent(); !e.Retried || e.Reused || e.Err != nil {
					t.Errorf("the event of a retry is %+v", e)
				}
				if i == 8 {
					h.pass(tt.grace)
				}
			}
			// Narrowing works on a retry too, and widening does not.
			if got := h.refresh("web", r.str("refresh_token"), "scope", "read").want(t, 200, ""); got.str("scope") != "read" {
				t.Errorf("scope is %q, want read", got.str("scope"))
			}
			s.unwritten(t, func() { h.refresh("web", r.str("refresh_token"), "scope", "admin").want(t, 400, "invalid_scope") })
			h.pass(time.Second)
			h.refresh("web", r.str("refresh_token")).want(t, 400, "invalid_grant")
			if !h.lastEvent().Reused {
				t.Error("the reuse is not in the event")
			}
			h.refresh("web", want.str("refresh_token")).want(t, 400, "invalid_grant")
			for _, tok := range []string{r.str("access_token"), want.str("access_token")} {
				inactive(t, h.introspect("web", tok))
			}
		})
	}
	t.Run("a used successor ends it", func(t *testing.T) {
		h := newHost(t)
		r1 := h.login("web")
		r2 := h.refresh("web", r1.str("refresh_token")).want(t, 200, "")
		r3 := h.refresh("web", r2.str("refresh_token")).want(t, 200, "")
		h.refresh("web", r1.str("refresh_token")).want(t, 400, "invalid_grant")
		h.refresh("web", r3.str("refresh_token")).want(t, 400, "invalid_grant")
		if h.active(r3.str("access_token")) {
			t.Error("an access token of an ended family is active")
		}
	})
	t.Run("strict mode has none", func(t *testing.T) {
		h := newHost(t, strict)
		r1 := h.login("web")
		r2 := h.refresh("web", r1.str("refresh_token")).want(t, 200, "")
		h.refresh("web", r1.str("refresh_token")).want(t, 400, "invalid_grant")
		h.refresh("web", r2.str("refresh_token")).want(t, 400, "invalid_grant")
	})
	t.Run("a clock set back does not stretch it", func(t *testing.T) {
		h := newHost(t)
		r1 := h.login("web")
		h.refresh("web", r1.str("refresh_token")).want(t, 200, "")
		h.pass(-time.Hour)
		h.refresh("web", r1.str("refresh_token")).want(t, 400, "invalid_grant")
	})
}

// What proves nothing, or is not presented as it must be, ends nothing and writes nothing.
//
// R6749-6-2, R6749-10.4-1
func TestRefreshStrangersEndNothing(t *testing.T) {
	for _, mode := range []struct {
		name   string
		change func(*oauth.Config)
	}{{"with a grace", func(*oauth.Config) {}}, {"strict", strict}} {
		t.Run(mode.name, func(t *testing.T) {
			s := &interceptor{}
			h := newHost(t, s.wrap, mode.change)
			v := h.request("web")
			code := h.codeOf(v)
			r1 := h.exchange(v, code).want(t, 200, "").str("refresh_token")
			r2 := h.refresh("web", r1).want(t, 200, "").str("refresh_token")
			r3 := h.refresh("web", r2).want(t, 200, "").str("refresh_token")
			// The grant's id is the first part of each of its credentials.
			garbage := func(tok string) string { return tok[:30] + strings.Repeat("A", len(tok)-30) }
			s.unwritten(t, func() {
				for _, tok := range []string{garbage(r1), garbage(r3), r3[:50] + r1[50:60] + r3[60:], code, garbage(code)} {
					h.refresh("web", tok).want(t, 400, "invalid_grant")
				}
				h.exchange(v, garbage(code)).want(t, 400, "invalid_grant")
				for _, tok := range []string{r1, r2, r3} {
					for _, stranger := range []string{"two", "pub", "opaque"} {
						h.refresh(stranger, tok).want(t, 400, "invalid_grant")
					}
					h.raw("/token", map[string][]string{"Authorization": {basic("web", "wrong")}},
						"grant_type=refresh_token&refresh_token="+tok).want(t, 401, "invalid_client")
					// Reuse, but with something wrong about the request.
					h.refresh("web", tok, "scope", "admin").want(t, 400, "invalid_scope")
					h.refresh("web", tok, "tenant", "acme").want(t, 400, "invalid_grant")
					h.refresh("web", tok, "resource", files).want(t, 400, "invalid_target")
				}
			})
			h.refresh("web", r3).want(t, 200, "")
		})
	}
}

func TestRefreshNotWithoutItsGrantType(t *testing.T) {
	var app *registry.App
	h := newHost(t, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { app = edit(s, "web") }) })
	tok := h.login("web").str("refresh_token")
	app.Manifest.GrantTypes = []string{"authorization_code"}
	h.refresh("web", tok).want(t, 400, "unauthorized_client")
	app.Manifest.GrantTypes = []string{"authorization_code", "refresh_token"}
	h.refresh("web", tok).want(t, 200, "")
}

// A manifest or policy that shrinks acts at once, and growing does not widen a grant.
func TestRefreshWithinTheManifest(t *testing.T) {
	var app *registry.App
	h := newHost(t, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { app = edit(s, "web") }) })
	r := h.login("web")
	app.Manifest.Scopes = []string{"read", "more"}
	r2 := h.refresh("web", r.str("refresh_token")).want(t, 200, "")
	if r2.str("scope") != "read" {
		t.Errorf("scope is %q, want read", r2.str("scope"))
	}
	if got := h.claims(r.str("access_token")).Scopes; !slices.Equal(got, []string{"read"}) {
		t.Errorf("an older access token has %q, want read", got)
	}
	h.refresh("web", r2.str("refresh_token"), "scope", "more").want(t, 400, "invalid_scope")
	app.Manifest.Scopes = []string{"more"}
	h.refresh("web", r2.str("refresh_token")).want(t, 400, "invalid_scope")
	inactive(t, h.introspect("web", r.str("access_token")))
	inactive(t, h.introspect("web", r2.str("refresh_token")))
	app.Manifest.Scopes = []string{"read", "write"}
	if r := h.refresh("web", r2.str("refresh_token")).want(t, 200, ""); r.str("scope") != "read write" {
		t.Errorf("scope is %q, want read write", r.str("scope"))
	}
	app.Policy.Resources = []string{files}
	h.refresh("web", r2.str("refresh_token")).want(t, 400, "invalid_target")
}

// A user who comes back and allows less narrows what was granted before, and never widens it.
func TestRefreshWithinTheConsent(t *testing.T) {
	h := newHost(t)
	b := h.signedInAs(oauth.Login{Subject: "alice"})
	v := h.request("web")
	r := h.exchange(v, b.code(v)).want(t, 200, "")
	issued, err := h.srv.Issue(t.Context(), "web", oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: h.clock()}})
	must(t, err)
	consent := func(scopes, allowed string) {
		_, action := b.authorize(h.request("web", "prompt", "consent", "scope", scopes)).form(t)
		b.do("POST", action, url.Values{"allow": {"yes"}, "scope": {allowed}}).location(t)
	}
	consent("read write", "write")
	if got := h.claims(r.str("access_token")).Scopes; !slices.Equal(got, []string{"write"}) {
		t.Errorf("an older access token has %q, want write", got)
	}
	r = h.refresh("web", r.str("refresh_token")).want(t, 200, "")
	if r.str("scope") != "write" {
		t.Errorf("scope is %q, want write", r.str("scope"))
	}
	h.refresh("web", r.str("refresh_token"), "scope", "read").want(t, 400, "invalid_scope")
	consent("read write admin", "read write admin")
	if r = h.refresh("web", r.str("refresh_token")).want(t, 200, ""); r.str("scope") != "read write" {
		t.Errorf("scope is %q, want what was granted", r.str("scope"))
	}
	// What the host vouched for, the user's consent does not narrow.
	consent("read write admin", "read")
	if got := h.refresh("web", issued.RefreshToken).want(t, 200, "").str("scope"); got != "read write admin" {
		t.Errorf("scope is %q for a grant of Issue", got)
	}
}

func TestRefreshHookRefuses(t *testing.T) {
	var answer error
	s := &interceptor{}
	h := newHost(t, s.wrap, func(c *oauth.Config) {
		c.Claims = func(context.Context, *oauth.Grant, *token.Claims) error { return answer }
	})
	r := h.login("web")
	for _, tt := range []struct {
		err    error
		status int
		code   string
	}{
		{errors.New("the directory is down"), 500, "server_error"},
		{&oauth.Error{Code: "temporarily_unavailable"}, 503, "temporarily_unavailable"},
		{&oauth.Error{Code: "access_denied"}, 400, "access_denied"},
		{context.DeadlineExceeded, 503, "temporarily_unavailable"},
	} {
		answer = tt.err
		s.unwritten(t, func() {
			h.refresh("web", r.str("refresh_token")).want(t, tt.status, tt.code)
		})
	}
	answer = nil
	r2 := h.refresh("web", r.str("refresh_token")).want(t, 200, "")
	r = r2

	answer = &oauth.Error{Code: "invalid_grant", Description: "the user is disabled"}
	// As long as the end cannot be stored it is not announced.
	s.swap = func(store.Record) error { return errDown }
	h.refresh("web", r.str("refresh_token")).want(t, 503, "temporarily_unavailable")
	s.swap = nil
	if got := h.refresh("web", r.str("refresh_token")).want(t, 400, "invalid_grant"); got.str("error_description") != "the user is disabled" {
		t.Errorf("answered %s", got.body)
	}
	answer = nil
	h.refresh("web", r.str("refresh_token")).want(t, 400, "invalid_grant")
	inactive(t, h.introspect("web", r.str("access_token")))
}

// A code is no different.
func TestExchangeHookRefuses(t *testing.T) {
	var answer error
	h := newHost(t, func(c *oauth.Config) {
		c.Claims = func(context.Context, *oauth.Grant, *token.Claims) error { return answer }
	})
	v := h.request("web")
	code := h.codeOf(v)
	answer = errors.New("the directory is down")
	h.exchange(v, code).want(t, 500, "server_error")
	answer = &oauth.Error{Code: "invalid_grant"}
	h.exchange(v, code).want(t, 400, "invalid_grant")
	answer = nil
	h.exchange(v, code).want(t, 400, "invalid_grant")
}

// Server secrets are replaced one after the other while families go on.
func TestRefreshAcrossSecrets(t *testing.T) {
	old, next := []byte(secret), []byte("fedcba9876543210fedcba9876543210")
	ring := func(keys ...[]byte) func(*oauth.Config) {
		return func(c *oauth.Config) { c.Secrets = keys }
	}
	h := newHost(t, ring(old))
	v := h.request("opaque")
	code := h.codeOf(v)
	r1 := h.login("opaque")
	r2 := h.refresh("opaque", r1.str("refresh_token")).want(t, 200, "")

	h.restart(ring(next, old))
	if got := h.refresh("opaque", r1.str("refresh_token")).want(t, 200, ""); got.str("refresh_token") != r2.str("refresh_token") {
		t.Error("a retry under the next secret got another successor")
	}
	r3 := h.refresh("opaque", r2.str("refresh_token")).want(t, 200, "")
	if !h.active(r2.str("access_token")) || !h.active(r3.str("access_token")) {
		t.Error("an opaque token ended with the rotation")
	}

	h.restart(ring(next))
	if h.active(r2.str("access_token")) || !h.active(r3.str("access_token")) {
		t.Error("opaque tokens do not go with the secret that sealed them")
	}
	r4 := h.refresh("opaque", r3.str("refresh_token")).want(t, 200, "")
	r5 := h.refresh("opaque", r4.str("refresh_token")).want(t, 200, "")
	h.exchange(v, code).want(t, 200, "") // a code proves itself by its hash alone

	h.restart(ring(old))
	h.pass(time.Minute)
	h.refresh("opaque", r4.str("refresh_token")).want(t, 400, "invalid_grant") // its successor cannot be derived, nor its reuse be told
	h.refresh("opaque", r5.str("refresh_token")).want(t, 200, "")
}

// Two processes on one store are one server (and a process that died has lost nothing).
func TestRefreshAcrossProcesses(t *testing.T) {
	h := newHost(t, strict)
	r1 := h.login("web")
	h.restart()
	r2 := h.refresh("web", r1.str("refresh_token")).want(t, 200, "")
	h.restart()
	h.refresh("web", r1.str("refresh_token")).want(t, 400, "invalid_grant")
	h.restart()
	h.refresh("web", r2.str("refresh_token")).want(t, 400, "invalid_grant")
}

// A store that says nothing of a write it has done, or not done: the client repeats its request.
func TestRefreshStoreFails(t *testing.T) {
	down := false
	s := &interceptor{swap: func(store.Record) error {
		if down {
			return errDown
		}
		return nil
	}}
	h := newHost(t, s.wrap, strict)
	tok := h.login("web").str("refresh_token")
	down = true
	r := h.refresh("web", tok).want(t, 503, "temporarily_unavailable")
	if r.Header.Get("Retry-After") == "" || strings.Contains(r.body, "database") {
		t.Errorf("answered %v %s", r.Header, r.body)
	}
	if e := h.lastEvent(); !errors.Is(e.Err, errDown) {
		t.Errorf("the event's Err is %v, want the store's in its chain", e.Err)
	}
	down = false
	h.refresh("web", tok).want(t, 200, "")
}

// R6749-4.4.3-1
func TestRefreshOfClientCredentials(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			edit(s, "svc").Policy.InsecureRefreshForClientCredentials = true
			edit(s, "svc").Manifest.GrantTypes = []string{"client_credentials", "refresh_token"}
		})
	})
	if r := h.post("opaque", "/token", ccForm).want(t, 200, ""); r.json["refresh_token"] != nil {
		t.Error("an app that may refresh got a refresh token for client credentials without the waiver")
	}
	r1 := h.post("svc", "/token", ccForm).want(t, 200, "")
	r2 := h.refresh("svc", r1.str("refresh_token")).want(t, 200, "")
	if c := h.claims(r2.str("access_token")); c.Subject != "svc" || c.ClientID != "svc" {
		t.Errorf("the claims are %+v", c)
	}
	h.refresh("web", r2.str("refresh_token")).want(t, 400, "invalid_grant")
	static := h.config.Apps.(registry.Static)
	edit(static, "svc").Policy.InsecureRefreshForClientCredentials = false
	h.refresh("svc", r2.str("refresh_token")).want(t, 400, "invalid_grant")
	edit(static, "svc").Policy.InsecureRefreshForClientCredentials = true
	h.post("svc", "/revoke", url.Values{"token": {r2.str("refresh_token")}}).want(t, 200, "")
	h.refresh("svc", r2.str("refresh_token")).want(t, 400, "invalid_grant")
	if h.active(r1.str("access_token")) {
		t.Error("the access token outlives its grant")
	}
}
