package resource_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

// do sends r through a handler that g guards.
func do(g *resource.Guard, n resource.Need, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	g.Require(n, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s%s", resource.Claims(r.Context()).Subject, r.PostForm.Get("note"), body)
	})).ServeHTTP(w, r)
	return w
}

// R6750-3-1, R6750-3-3, R6750-3.1-1, R6750-3-2
func TestRequire(t *testing.T) {
	need := resource.Need{Scopes: []string{"read:events", "write:events"}}
	const realm = `Bearer realm="https://api.example.com"`
	const scope = `, scope="read:events write:events"`
	const metadata = `, resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`
	down := answering(nil, errors.New("the issuer is down"))
	poor := answering(claims(func(c *token.Claims) { c.Scopes = nil }), nil)

	tests := []struct {
		name      string
		config    func(*resource.Config)
		request   *http.Request
		status    int
		challenge string
		retry     string
	}{
		// R6750-3.1-2, R9728-5.1-1, MCP-RS-2
		{name: "no token gets a bare challenge", request: httptest.NewRequest("GET", "/", nil),
			status: 401, challenge: realm + scope + metadata},
		{name: "a malformed token", request: bearer("a b"), status: 400,
			challenge: realm + `, error="invalid_request", error_description="The request must carry one well-formed token"` + metadata},
		// R9068-4-7, MCP-RS-2
		{name: "a bad token", config: func(c *resource.Config) { c.Introspect = answering(nil, token.ErrInvalid) },
			request: bearer("abc"), status: 401,
			challenge: realm + `, error="invalid_token", error_description="The access token is not valid here"` + scope + metadata},
		// MCP-RS-4
		{name: "a poor token", config: func(c *resource.Config) { c.Introspect = poor }, request: bearer("abc"), status: 403,
			challenge: realm + `, error="insufficient_scope", error_description="The access token lacks a scope"` + scope + metadata},
		{name: "an issuer that is down", config: func(c *resource.Config) { c.Introspect = down }, request: bearer("abc"),
			status: 503, retry: "5"},
		{name: "without metadata no challenge names it", config: func(c *resource.Config) { c.Metadata = false },
			request: httptest.NewRequest("GET", "/", nil), status: 401, challenge: realm + scope},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGuard(t, func(c *resource.Config) {
				c.Metadata = true
				if tt.config != nil {
					tt.config(c)
				}
			})
			w := do(g, need, tt.request)
			if w.Code != tt.status || w.Body.Len() != 0 {
				t.Errorf("got %d and body %q, want %d and none", w.Code, w.Body, tt.status)
			}
			for name, want := range map[string]string{
				"WWW-Authenticate": tt.challenge, "Cache-Control": "no-store", "Retry-After": tt.retry,
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: got  %s\nwant %s", name, got, want)
				}
			}
		})
	}

	t.Run("a good token reaches the handler with its claims", func(t *testing.T) {
		w := do(newGuard(t, nil), need, bearer("abc"))
		if w.Code != 200 || w.Body.String() != "olga " || len(w.Header()["Cache-Control"]) != 0 {
			t.Errorf("got %d %q %v", w.Code, w.Body, w.Header())
		}
	})

	t.Run("the error writer is replaced and the headers stay", func(t *testing.T) {
		g := newGuard(t, func(c *resource.Config) {
			c.Error = func(w http.ResponseWriter, r *http.Request, e *resource.Error) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(e.Status)
				io.WriteString(w, `{"errors":[{"message":"Unauthorized","extensions":{"code":"UNAUTHENTICATED"}}]}`)
			}
		})
		w := do(g, need, httptest.NewRequest("POST", "/graphql", strings.NewReader("{}")))
		if w.Code != 401 || w.Header().Get("WWW-Authenticate") != realm+scope || !strings.HasPrefix(w.Body.String(), `{"errors":`) {
			t.Errorf("got %d %q %v", w.Code, w.Body, w.Header())
		}
	})

	t.Run("a need that no token can meet panics at once", func(t *testing.T) {
		for _, s := range []string{"", "a b", `a"b`, `a\b`, "a\nb", "é"} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("Require with scope %q: got no panic", s)
					}
				}()
				newGuard(t, nil).Require(resource.Need{Scopes: []string{s}}, nil)
			}()
		}
	})

	t.Run("a need changed afterwards changes nothing", func(t *testing.T) {
		n := resource.Need{Scopes: []string{"delete:events"}}
		h := newGuard(t, nil).Require(n, http.NotFoundHandler())
		n.Scopes[0] = "read:events"
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, bearer("abc")); w.Code != 403 {
			t.Errorf("got %d, want 403", w.Code)
		}
	})

	t.Run("a context without a guard has no claims", func(t *testing.T) {
		if c := resource.Claims(t.Context()); c != nil {
			t.Errorf("Claims: got %v", c)
		}
	})
}

// The challenge of Check stays well-formed for a need that Require would not take.
//
// R6750-3-2
func TestCheckChallengeIsWellFormed(t *testing.T) {
	_, err := newGuard(t, nil).Check(bearer("abc"), resource.Need{Scopes: []string{"a\"\r\nSet-Cookie: b"}})
	e := refusal(t, err, http.StatusForbidden, "insufficient_scope")
	if strings.ContainsAny(e.Challenge, "\r\n") || strings.Count(e.Challenge, `"`)%2 != 0 || strings.Contains(e.Challenge, "scope=") {
		t.Errorf("challenge: got %q", e.Challenge)
	}
}

func TestErrorKeepsTheTokenOut(t *testing.T) {
	g := newGuard(t, func(c *resource.Config) { c.Introspect, c.Accept.Keys = nil, newKeys(t) })
	for _, tok := range []string{"c2VjcmV0", "c2VjcmV0.c2VjcmV0.c2VjcmV0", "c2VjcmV0 c2VjcmV0"} {
		_, err := g.Check(bearer(tok), resource.Need{})
		if e := err.(*resource.Error); strings.Contains(e.Error()+e.Challenge, "c2VjcmV0") {
			t.Errorf("the refusal repeats the token: %v, %s", e, e.Challenge)
		}
	}
}
