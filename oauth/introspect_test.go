package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

// inactive checks that introspection says nothing but that (RFC 7662, Section 2.2).
func inactive(t testing.TB, r reply) {
	t.Helper()
	if r.StatusCode != 200 || r.body != `{"active":false}` {
		t.Errorf("introspection says %d %s, want active false and no more", r.StatusCode, r.body)
	}
}

// R7662-2.2-1, R9068-2.2-2
func TestIntrospect(t *testing.T) {
	for _, app := range []string{"web", "opaque"} {
		t.Run(app, func(t *testing.T) {
			s := &interceptor{}
			h := newHost(t, s.wrap)
			v := h.request(app)
			v["resource"] = []string{api, files}
			r := h.exchange(v, h.signedInAs(oauth.Login{Subject: "alice", Tenant: "acme", ACR: "gold", AMR: []string{"pwd"}}).code(v)).want(t, 200, "")
			now := float64(h.clock().Unix())
			h.pass(time.Minute)
			var got reply
			s.unwritten(t, func() { got = h.introspect(app, r.str("access_token")).want(t, 200, "") })
			wellFormed(t, got)
			want := map[string]any{"active": true, "token_type": "Bearer", "iss": h.url, "sub": "alice", "client_id": app, "scope": "read write",
				"exp": now + 900, "iat": now, "auth_time": now, "acr": "gold", "tenant": "acme", "jti": got.json["jti"]}
			for name, value := range want {
				if got.json[name] != value || value == nil {
					t.Errorf("%s is %v, want %v", name, got.json[name], value)
				}
			}
			if want := append([]string{"amr", "aud"}, keysOf(want)...); !sameSet(keysOf(got.json), want) {
				t.Errorf("members %q, want %q", keysOf(got.json), want)
			}
			if e := h.lastEvent(); e.Endpoint != "introspect" || e.App != app || e.Grant == "" || e.Err != nil {
				t.Errorf("the event is %+v", e)
			}

			s.unwritten(t, func() { got = h.introspect(app, r.str("refresh_token")).want(t, 200, "") })
			want = map[string]any{"active": true, "iss": h.url, "sub": "alice", "client_id": app, "scope": "read write",
				"token_type": "refresh_token", "iat": now, "exp": now + 30*24*3600}
			for name, value := range want {
				if got.json[name] != value {
					t.Errorf("refresh token: %s is %v, want %v", name, got.json[name], value)
				}
			}
			if !slices.Equal(keysOf(got.json), keysOf(want)) {
				t.Errorf("refresh token: members %q, want %q", keysOf(got.json), keysOf(want))
			}
			// Rotated out it is inactive, though within the grace it still gets its successor.
			h.refresh(app, r.str("refresh_token")).want(t, 200, "")
			inactive(t, h.introspect(app, r.str("refresh_token")))
		})
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// R7662-2.1-2, R7662-2.2-2, R7662-4-2
func TestIntrospectIsFor(t *testing.T) {
	s := &interceptor{}
	h := newHost(t, s.wrap, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) {
			edit(s, "first").Policy.MayIntrospect = true // for all resources
		})
	})
	v := h.request("opaque", "resource", files)
	forFiles := h.exchange(v, h.codeOf(v)).want(t, 200, "")
	v = h.request("web")
	v["resource"] = []string{files, api}
	forBoth := h.exchange(v, h.codeOf(v)).want(t, 200, "")
	forAPI := h.login("two")

	for _, tt := range []struct {
		name, caller string
		of           reply
		access       bool
		refresh      bool
	}{
		{"the client it was given to", "two", forAPI, true, true},
		{"another client", "web", forAPI, false, false},
		{"the API it is for", "api", forAPI, true, false},
		{"an API it is for among others", "api", forBoth, true, false},
		{"an API it is not for", "api", forFiles, false, false},
		{"an API that may see all", "first", forFiles, true, false},
		{"a service", "svc", forAPI, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.unwritten(t, func() {
				for name, want := range map[string]bool{"access_token": tt.access, "refresh_token": tt.refresh} {
					r := h.introspect(tt.caller, tt.of.str(name))
					if !want {
						inactive(t, r)
					} else if r.json["active"] != true {
						t.Errorf("%s: introspection says %s", name, r.body)
					}
				}
			})
		})
	}
	// R7662-2.3-1
	t.Run("nobody without a credential", func(t *testing.T) {
		s.unwritten(t, func() {
			reads := s.reads.Load()
			form := "token=" + forAPI.str("access_token")
			h.raw("/introspect", http.Header{}, form).want(t, 401, "invalid_client")
			h.raw("/introspect", http.Header{}, form+"&client_id=pub").want(t, 401, "invalid_client")
			h.raw("/introspect", http.Header{"Authorization": {basic("api", "wrong")}}, form).want(t, 401, "invalid_client")
			if s.reads.Load() != reads {
				t.Error("the store was asked about the token")
			}
		})
	})
	// R6749-2.3-2
	t.Run("no public client, not even of its own", func(t *testing.T) {
		tok := h.login("spa").str("access_token")
		h.introspect("spa", tok).want(t, 401, "invalid_client")
	})
}

// R7662-2.1-1
func TestIntrospectForm(t *testing.T) {
	h := newHost(t)
	r := h.login("web")
	ask := func(form string) reply {
		return h.raw("/introspect", http.Header{"Authorization": {basic("web", secret)}}, form)
	}
	ask("x=1").want(t, 400, "invalid_request")
	ask("token=").want(t, 400, "invalid_request")
	ask("token=a&token=b").want(t, 400, "invalid_request")
	ask("token=a&token_type_hint=a&token_type_hint=b").want(t, 400, "invalid_request")
	for _, hint := range []string{"", "access_token", "refresh_token", "unknown", "pat"} {
		for _, name := range []string{"access_token", "refresh_token"} {
			if got := ask("token=" + r.str(name) + "&token_type_hint=" + hint); got.json["active"] != true {
				t.Errorf("%s with the hint %q: %s", name, hint, got.body)
			}
		}
	}
	t.Run("whatever answer is accepted", func(t *testing.T) {
		header := http.Header{"Authorization": {basic("web", secret)}, "Accept": {"text/html, application/token-introspection+jwt"}}
		if got := h.raw("/introspect", header, "token="+r.str("access_token")); got.json["active"] != true {
			t.Errorf("got %s", got.body)
		}
	})
}

// Every way of being inactive looks the same, for JWT and opaque tokens.
//
// R7662-2.2-2, R7662-2.2-3, R7662-4-1
func TestIntrospectInactive(t *testing.T) {
	type world struct {
		*host
		app *registry.App
		r   reply
	}
	for name, end := range map[string]func(t *testing.T, w *world){
		"expired":                    func(t *testing.T, w *world) { w.pass(15 * time.Minute) },
		"revoked":                    func(t *testing.T, w *world) { w.revoke(w.app.ID, w.r.str("access_token")) },
		"of a revoked grant":         func(t *testing.T, w *world) { w.revoke(w.app.ID, w.r.str("refresh_token")) },
		"of an ended subject":        func(t *testing.T, w *world) { must(t, w.srv.EndSubject(t.Context(), "alice")) },
		"of an app whose epoch went": func(t *testing.T, w *world) { w.app.Epoch++ },
		"of an app without scopes":   func(t *testing.T, w *world) { w.app.Manifest.Scopes = []string{"admin"} },
		"of a withdrawn consent": func(t *testing.T, w *world) {
			must(t, w.srv.Disconnect(t.Context(), oauth.Consent{Subject: "alice", App: w.app.ID}))
		},
		"with another key": func(t *testing.T, w *world) {
			w.restart(func(c *oauth.Config) { c.Keys, c.Secrets = newKeys(t), [][]byte{[]byte(strings.Repeat("x", 32))} })
		},
	} {
		for _, id := range []string{"web", "opaque"} {
			t.Run(name+", "+id, func(t *testing.T) {
				w := &world{}
				s := &interceptor{}
				w.host = newHost(t, s.wrap, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { w.app = edit(s, id) }) })
				w.r = w.login(id)
				tok := w.r.str("access_token")
				if !w.active(tok) {
					t.Fatal("inactive from the start")
				}
				end(t, w)
				s.unwritten(t, func() {
					inactive(t, w.introspect(id, tok))
					inactive(t, w.introspect("api", tok))
				})
				if _, err := w.srv.Introspect(t.Context(), tok); !errors.Is(err, token.ErrInvalid) {
					t.Errorf("Server.Introspect: %v, want token.ErrInvalid", err)
				}
				if e := w.lastEvent(); !errors.Is(e.Err, token.ErrInvalid) {
					t.Errorf("the event's Err is %v, want the reason", e.Err)
				}
			})
		}
	}
	t.Run("suspended app", func(t *testing.T) {
		var app *registry.App
		h := newHost(t, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { app = edit(s, "web") }) })
		tok := h.login("web").str("access_token")
		app.Suspended = true
		inactive(t, h.introspect("api", tok))
		h.introspect("web", tok).want(t, 401, "invalid_client")
		app.Suspended = false
		if !h.active(tok) {
			t.Error("reinstating did not revive the token")
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// revoke revokes a token as the app.
func (h *host) revoke(app, tok string) reply {
	h.t.Helper()
	r := h.post(app, "/revoke", url.Values{"token": {tok}}).want(h.t, 200, "")
	if r.body != "" {
		h.t.Errorf("revocation answers %q, want no body", r.body)
	}
	return r
}

// R7662-2.1-3, R7662-4-1, R6750-5.2-1, R8725-3.12-1
func TestIntrospectForged(t *testing.T) {
	h := newHost(t)
	// A grant that no consent bounds.
	issued, err := h.srv.Issue(t.Context(), "web", oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: h.clock()}})
	must(t, err)
	parts := strings.Split(issued.AccessToken, ".")
	payload := decoded(t, parts[1])
	jwt := func(keys *token.Keys, typ string, change map[string]any) string {
		c := make(map[string]any)
		must(t, json.Unmarshal(payload, &c))
		for name, v := range change {
			if c[name] = v; v == nil {
				delete(c, name)
			}
		}
		return signed(t, keys, typ, c)
	}
	if !h.active(jwt(h.keys, "at+jwt", nil)) {
		t.Fatal("the same claims signed again are inactive")
	}
	for name, tok := range map[string]string{
		"by another key":      jwt(newKeys(t), "at+jwt", nil),
		"an ID token":         jwt(h.keys, "JWT", nil),
		"without typ":         jwt(h.keys, "", nil),
		"a logout token":      jwt(h.keys, "logout+jwt", nil),
		"an introspection":    jwt(h.keys, "token-introspection+jwt", nil),
		"of another issuer":   jwt(h.keys, "at+jwt", map[string]any{"iss": "https://other.example"}),
		"of another client":   jwt(h.keys, "at+jwt", map[string]any{"client_id": "two"}),
		"without client":      jwt(h.keys, "at+jwt", map[string]any{"client_id": nil}),
		"without jti":         jwt(h.keys, "at+jwt", map[string]any{"jti": nil}),
		"of the host's jti":   jwt(h.keys, "at+jwt", map[string]any{"jti": "b7e1"}),
		"of an unknown grant": jwt(h.keys, "at+jwt", map[string]any{"jti": "AQAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAA"}),
		"without grant":       jwt(h.keys, "at+jwt", map[string]any{"jti": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
		"not yet good":        jwt(h.keys, "at+jwt", map[string]any{"nbf": h.clock().Unix() + 60}),
		"expired":             jwt(h.keys, "at+jwt", map[string]any{"exp": h.clock().Unix()}),
		"for ever":            jwt(h.keys, "at+jwt", map[string]any{"exp": nil}),
		"of no algorithm":     "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + parts[1] + ".",
		"without signature":   parts[0] + "." + parts[1] + ".",
	} {
		t.Run(name, func(t *testing.T) {
			inactive(t, h.introspect("web", tok))
			if h.active(tok) {
				t.Error("active in process")
			}
		})
	}
}

func TestIntrospectHook(t *testing.T) {
	var answer error
	h := newHost(t, func(c *oauth.Config) {
		c.Claims = func(_ context.Context, _ *oauth.Grant, c *token.Claims) error {
			c.Roles = []string{"staff"}
			return answer
		}
	})
	for _, app := range []string{"web", "opaque"} {
		answer = nil
		r := h.login(app)
		tok := r.str("access_token")
		if got := h.introspect(app, tok); got.json["active"] != true || got.json["roles"] == nil {
			t.Errorf("introspection says %s", got.body)
		}
		for _, code := range []string{"invalid_grant", "access_denied"} {
			answer = &oauth.Error{Code: code, Description: "gone"}
			inactive(t, h.introspect(app, tok))
			inactive(t, h.introspect(app, r.str("refresh_token")))
			if _, err := h.srv.Introspect(t.Context(), tok); !errors.Is(err, token.ErrInvalid) {
				t.Errorf("Server.Introspect: %v", err)
			}
		}
		// No refusal, but no answer.
		for err, status := range map[error]int{errors.New("the directory is down"): 500, &oauth.Error{Code: "temporarily_unavailable"}: 503} {
			answer = err
			if r := h.introspect(app, tok); r.StatusCode != status || r.json["active"] != nil {
				t.Errorf("for %v: got %d %s, want %d", err, r.StatusCode, r.body, status)
			}
			if _, err := h.srv.Introspect(t.Context(), tok); err == nil || errors.Is(err, token.ErrInvalid) {
				t.Errorf("Server.Introspect: %v", err)
			}
		}
		answer = nil
		if got := h.introspect(app, tok); got.json["active"] != true {
			t.Errorf("a refusal of the hook ended the grant: %s", got.body)
		}
	}
}

func TestIntrospectStoreFails(t *testing.T) {
	down := false
	s := &interceptor{get: func([]string) error {
		if down {
			return errDown
		}
		return nil
	}}
	h := newHost(t, s.wrap)
	r := h.login("web")
	down = true
	for _, name := range []string{"access_token", "refresh_token"} {
		got := h.introspect("web", r.str(name)).want(t, 503, "temporarily_unavailable")
		if got.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	if _, err := h.srv.Introspect(t.Context(), r.str("access_token")); err == nil || errors.Is(err, token.ErrInvalid) {
		t.Errorf("Server.Introspect: %v, want another error than token.ErrInvalid", err)
	}
}

// A token of client credentials has no record, and is as well known.
//
// R9068-2.2-2
func TestIntrospectWithoutGrant(t *testing.T) {
	for _, id := range []string{"svc", "opaque"} {
		var app *registry.App
		s := &interceptor{}
		h := newHost(t, s.wrap, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { app = edit(s, id) }) })
		var tok string
		s.unwritten(t, func() { tok = h.post(id, "/token", ccForm).want(t, 200, "").str("access_token") })
		if got := h.introspect(id, tok); got.json["active"] != true || got.str("sub") != id {
			t.Errorf("introspection says %s", got.body)
		}
		app.Epoch++
		inactive(t, h.introspect("api", tok))
		app.Epoch--
		if !h.active(tok) {
			t.Error("inactive")
		}
		must(t, h.srv.EndSubject(t.Context(), id)) // a user with the name of an app
		if !h.active(tok) {
			t.Error("ending a subject ended the app of that name")
		}
		h.revoke(id, tok)
		inactive(t, h.introspect("api", tok))
	}
}

func TestIntrospectionKeepsNumbers(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Claims = func(_ context.Context, _ *oauth.Grant, claims *token.Claims) error {
			claims.Extra = map[string]json.RawMessage{"account": json.RawMessage(`9007199254740993`)}
			return nil
		}
	})
	for _, app := range []string{"svc", "opaque"} {
		tok := h.post(app, "/token", ccForm).want(t, 200, "").str("access_token")
		if got := h.introspect(app, tok).body; !strings.Contains(got, `"account":9007199254740993`) {
			t.Errorf("%s: introspection says %s", app, got)
		}
	}
}

// A field that is not known may be a restriction, which this version could not enforce.
func TestOpaqueTokenOfANewerVersion(t *testing.T) {
	h := newHost(t)
	sealed := h.srv.OpenAccess(h.login("opaque").str("access_token"))
	if _, ok := oauth.RecodeAccess(sealed); !ok {
		t.Fatal("an opaque token as it is was refused")
	}
	if _, ok := oauth.RecodeAccess(append(sealed, 99, 1, 'x')); ok {
		t.Error("an opaque token with a field that is not known was accepted, want it refused")
	}
}
