package resource_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

const (
	issuer   = "https://auth.example.com"
	audience = "https://api.example.com"
)

var epoch = time.Unix(1_750_000_000, 0)

func at() time.Time { return epoch }

// claims are those of a good token at epoch.
func claims(edit func(*token.Claims)) *token.Claims {
	c := &token.Claims{
		Issuer: issuer, Subject: "olga", Audience: []string{audience}, ClientID: "app", ID: "1",
		IssuedAt: epoch.Add(-time.Minute), Expires: epoch.Add(time.Minute),
		Scopes: []string{"read:events", "write:events"}, Roles: []string{"organizer"},
	}
	if edit != nil {
		edit(c)
	}
	return c
}

func answering(c *token.Claims, err error) func(context.Context, string) (*token.Claims, error) {
	return func(context.Context, string) (*token.Claims, error) { return c, err }
}

// newGuard returns a guard that by default accepts every token as claims(nil).
func newGuard(t testing.TB, edit func(*resource.Config)) *resource.Guard {
	t.Helper()
	c := resource.Config{
		Accept:     token.VerifierConfig{Issuer: issuer, Audience: audience, Now: at},
		Introspect: answering(claims(nil), nil),
	}
	if edit != nil {
		edit(&c)
	}
	g, err := resource.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func newKeys(t testing.TB) *token.Keys {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := token.NewKeys(token.Key{Signer: key})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func sign(t testing.TB, keys *token.Keys, c *token.Claims) string {
	t.Helper()
	jwt, err := keys.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	return jwt
}

func bearer(tok string) *http.Request {
	r := httptest.NewRequest("GET", "/events", nil)
	r.Header.Set("Authorization", "Bearer "+tok)
	return r
}

// refusal checks that err is an [*resource.Error] of this status and code.
func refusal(t testing.TB, err error, status int, code string) *resource.Error {
	t.Helper()
	e, ok := errors.AsType[*resource.Error](err)
	if !ok || e.Status != status || e.Code != code {
		t.Fatalf("Check: got %v, want %d %q", err, status, code)
	}
	return e
}

func TestNewNamesEveryFault(t *testing.T) {
	_, err := resource.New(resource.Config{
		Accept:   token.VerifierConfig{Issuer: issuer, Audience: `https://a"b/{c}`, Leeway: -1},
		CacheFor: -1,
		Headers:  []string{"Authorization", "authorization", "a b"},
		Scopes:   []string{"a b"},
		Metadata: true,
	})
	if err == nil {
		t.Fatal("New: got no error")
	}
	for _, want := range []string{"Accept:", "Accept.Audience:", "CacheFor:", `"Authorization" is there twice`, `"a b" is not a header's name`, "Scopes:", "Metadata:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New: got %v, want a line with %q", err, want)
		}
	}
}

// R9728-2-1
func TestNewRefuses(t *testing.T) {
	for name, edit := range map[string]func(*resource.Config){
		"no audience":                   func(c *resource.Config) { c.Accept.Audience = "" },
		"no issuer":                     func(c *resource.Config) { c.Accept.Issuer = "" },
		"a line break in the audience":  func(c *resource.Config) { c.Accept.Audience = "https://a\r\nb" },
		"a backslash in the audience":   func(c *resource.Config) { c.Accept.Audience = `https://a\b` },
		"answers kept beyond 5 minutes": func(c *resource.Config) { c.CacheFor = 5*time.Minute + 1 },
		"bound tokens":                  func(c *resource.Config) { c.Accept.Bound = true },
		"no source of tokens":           func(c *resource.Config) { c.Headers = []string{} },
		"an empty header name":          func(c *resource.Config) { c.Headers = []string{""} },
		"metadata for a plain http API": func(c *resource.Config) {
			c.Metadata, c.Accept.Audience = true, "http://api.example.com"
		},
		"metadata for an audience that is no URL": func(c *resource.Config) { c.Metadata, c.Accept.Audience = true, "api" },
		"metadata for a fragment":                 func(c *resource.Config) { c.Metadata, c.Accept.Audience = true, audience+"/#" },
		"metadata for a path with dots":           func(c *resource.Config) { c.Metadata, c.Accept.Audience = true, audience+"/a/../b" },
		"metadata for a path with a wildcard":     func(c *resource.Config) { c.Metadata, c.Accept.Audience = true, audience+"/{a}" },
	} {
		t.Run(name, func(t *testing.T) {
			c := resource.Config{
				Accept:     token.VerifierConfig{Issuer: issuer, Audience: audience},
				Introspect: answering(nil, nil),
			}
			edit(&c)
			if g, err := resource.New(c); err == nil || g != nil {
				t.Errorf("New: got %v, %v, want nil and an error", g, err)
			}
		})
	}
}

// R6749-7-1, MCP-RS-4
func TestCheckNeed(t *testing.T) {
	tests := []struct {
		name   string
		scopes []string
		roles  []string
		need   resource.Need
		want   string // the challenge's parameters after the realm; empty: let through
	}{
		{name: "the zero need takes any good token"},
		{name: "all scopes and one role", scopes: []string{"a", "b"}, roles: []string{"y"},
			need: resource.Need{Scopes: []string{"b", "a"}, Roles: []string{"x", "y"}}},
		{name: "one scope of two is missing", scopes: []string{"a"}, need: resource.Need{Scopes: []string{"a", "b"}},
			want: `error="insufficient_scope", error_description="The access token lacks a scope", scope="a b"`},
		{name: "a longer scope is another scope", scopes: []string{"read:all"}, need: resource.Need{Scopes: []string{"read"}},
			want: `error="insufficient_scope", error_description="The access token lacks a scope", scope="read"`},
		{name: "a shorter scope is another scope", scopes: []string{"read"}, need: resource.Need{Scopes: []string{"read:all"}},
			want: `error="insufficient_scope", error_description="The access token lacks a scope", scope="read:all"`},
		{name: "case counts in scopes", scopes: []string{"Read"}, need: resource.Need{Scopes: []string{"read"}},
			want: `error="insufficient_scope", error_description="The access token lacks a scope", scope="read"`},
		{name: "case counts in roles", roles: []string{"Admin"}, need: resource.Need{Roles: []string{"admin"}},
			want: `error="insufficient_scope", error_description="The access token lacks a role"`},
		{name: "no role at all", scopes: []string{"a"}, need: resource.Need{Scopes: []string{"a"}, Roles: []string{"admin"}},
			want: `error="insufficient_scope", error_description="The access token lacks a role"`},
		{name: "a scope is no role", scopes: []string{"admin"}, need: resource.Need{Roles: []string{"admin"}},
			want: `error="insufficient_scope", error_description="The access token lacks a role"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := claims(func(c *token.Claims) { c.Scopes, c.Roles = tt.scopes, tt.roles })
			g := newGuard(t, func(rc *resource.Config) { rc.Introspect = answering(c, nil) })
			got, err := g.Check(bearer("abc"), tt.need)
			if tt.want == "" {
				if err != nil || got != c {
					t.Errorf("Check: got %v, %v, want the claims", got, err)
				}
				return
			}
			e := refusal(t, err, http.StatusForbidden, "insufficient_scope")
			if want := `Bearer realm="` + audience + `", ` + tt.want; e.Challenge != want || got != nil {
				t.Errorf("Check: got %v and challenge %s, want nil and %s", got, e.Challenge, want)
			}
		})
	}
}

// R6749-7-1, R9700-2.3-1, R9728-7.4-1, MCP-RS-3, R9449-7.2-1
func TestCheckAnswer(t *testing.T) {
	refused := map[string]func(*token.Claims){
		"no audience":                func(c *token.Claims) { c.Audience = nil },
		"an empty audience":          func(c *token.Claims) { c.Audience = []string{""} },
		"another audience":           func(c *token.Claims) { c.Audience = []string{"https://other.example.com"} },
		"a longer audience":          func(c *token.Claims) { c.Audience = []string{audience + "/"} },
		"a shorter audience":         func(c *token.Claims) { c.Audience = []string{audience[:len(audience)-1]} },
		"another case":               func(c *token.Claims) { c.Audience = []string{strings.ToUpper(audience)} },
		"several others":             func(c *token.Claims) { c.Audience = []string{"a", "b"} },
		"another issuer":             func(c *token.Claims) { c.Issuer = issuer + "/" },
		"no issuer":                  func(c *token.Claims) { c.Issuer = "" },
		"expired just now":           func(c *token.Claims) { c.Expires = epoch },
		"not valid yet":              func(c *token.Claims) { c.NotBefore = epoch.Add(time.Second) },
		"bound to a DPoP key":        func(c *token.Claims) { c.JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" },
		"bound to a certificate":     func(c *token.Claims) { c.X5TS256 = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" },
		"bound to something new":     func(c *token.Claims) { c.Extra = map[string]json.RawMessage{"cnf": []byte(`{"x":1}`)} },
		"bound by a malformed claim": func(c *token.Claims) { c.Extra = map[string]json.RawMessage{"cnf": []byte(`"x"`)} },
	}
	for name, edit := range refused {
		t.Run(name+" is refused", func(t *testing.T) {
			g := newGuard(t, func(c *resource.Config) { c.Introspect = answering(claims(edit), nil) })
			_, err := g.Check(bearer("abc"), resource.Need{})
			if e := refusal(t, err, http.StatusUnauthorized, "invalid_token"); !errors.Is(e, token.ErrInvalid) {
				t.Errorf("Check: got %v, want a cause that wraps token.ErrInvalid", err)
			}
		})
	}

	accepted := map[string]func(*token.Claims){
		"us among several audiences": func(c *token.Claims) { c.Audience = []string{"a", audience, "b"} },
		"no expiry":                  func(c *token.Claims) { c.Expires = time.Time{} },
		"valid since now":            func(c *token.Claims) { c.NotBefore = epoch },
	}
	for name, edit := range accepted {
		t.Run(name+" is accepted", func(t *testing.T) {
			g := newGuard(t, func(c *resource.Config) { c.Introspect = answering(claims(edit), nil) })
			if _, err := g.Check(bearer("abc"), resource.Need{}); err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}

	t.Run("the leeway holds for answers too", func(t *testing.T) {
		for age, want := range map[time.Duration]bool{0: true, 29 * time.Second: true, 30 * time.Second: false} {
			g := newGuard(t, func(c *resource.Config) {
				c.Accept.Leeway = 30 * time.Second
				c.Introspect = answering(claims(func(c *token.Claims) { c.Expires = epoch.Add(-age) }), nil)
			})
			if _, err := g.Check(bearer("abc"), resource.Need{}); (err == nil) != want {
				t.Errorf("Check %v after expiry: got %v, want accepted: %t", age, err, want)
			}
		}
	})

	t.Run("any audience only by its insecure name", func(t *testing.T) {
		g := newGuard(t, func(c *resource.Config) {
			c.Accept.Audience, c.Accept.InsecureAnyAudience = "", true
			c.Introspect = answering(claims(func(c *token.Claims) { c.Audience = nil }), nil)
		})
		if _, err := g.Check(bearer("abc"), resource.Need{}); err != nil {
			t.Errorf("Check: %v", err)
		}
		_, err := g.Check(httptest.NewRequest("GET", "/", nil), resource.Need{})
		if e := refusal(t, err, http.StatusUnauthorized, ""); e.Challenge != `Bearer realm="`+issuer+`"` {
			t.Errorf("challenge: got %s, want the issuer as realm", e.Challenge)
		}
	})
}

func TestCheckJWT(t *testing.T) {
	keys, others := newKeys(t), newKeys(t)
	asked := 0
	var answer func(string) (*token.Claims, error)
	introspect := func(_ context.Context, tok string) (*token.Claims, error) {
		asked++
		return answer(tok)
	}
	offline := newGuard(t, func(c *resource.Config) { c.Accept.Keys, c.Introspect = keys, nil })
	both := newGuard(t, func(c *resource.Config) { c.Accept.Keys, c.Introspect = keys, introspect })
	opaqueOnly := newGuard(t, func(c *resource.Config) {
		c.Introspect = introspect
		c.Accept.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			t.Errorf("the guard asked for %s", r.URL)
			return nil, errors.New("no network here")
		})}
	})
	good := sign(t, keys, claims(nil))

	t.Run("offline accepts a good one", func(t *testing.T) {
		if c, err := offline.Check(bearer(good), resource.Need{Scopes: []string{"read:events"}}); err != nil || c.Subject != "olga" {
			t.Errorf("Check: got %+v, %v", c, err)
		}
	})
	// R9068-4-7, MCP-RS-2
	t.Run("offline refuses", func(t *testing.T) {
		for name, tok := range map[string]string{
			"an opaque token":    "Zx81",
			"another key":        sign(t, others, claims(nil)),
			"another audience":   sign(t, keys, claims(func(c *token.Claims) { c.Audience = []string{"https://other.example.com"} })),
			"another issuer":     sign(t, keys, claims(func(c *token.Claims) { c.Issuer = "https://other.example.com" })),
			"a bound token":      sign(t, keys, claims(func(c *token.Claims) { c.JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })),
			"an expired token":   sign(t, keys, claims(func(c *token.Claims) { c.IssuedAt, c.Expires = epoch.Add(-time.Hour), epoch })),
			"a changed sequence": good[:len(good)-4] + "AAAA",
		} {
			if _, err := offline.Check(bearer(tok), resource.Need{}); err == nil {
				t.Errorf("%s: got accepted", name)
			} else {
				refusal(t, err, http.StatusUnauthorized, "invalid_token")
			}
		}
	})
	t.Run("a forged one is not asked about", func(t *testing.T) {
		asked = 0
		_, err := both.Check(bearer(sign(t, others, claims(nil))), resource.Need{})
		refusal(t, err, http.StatusUnauthorized, "invalid_token")
		if asked != 0 {
			t.Errorf("Introspect was asked %d times", asked)
		}
	})
	t.Run("a good one is asked about and the answer's claims hold", func(t *testing.T) {
		answer = func(string) (*token.Claims, error) {
			return claims(func(c *token.Claims) { c.Roles = nil }), nil
		}
		_, err := both.Check(bearer(good), resource.Need{Roles: []string{"organizer"}})
		refusal(t, err, http.StatusForbidden, "insufficient_scope")
	})
	t.Run("a revoked one is refused", func(t *testing.T) {
		answer = func(string) (*token.Claims, error) { return nil, token.ErrInvalid }
		_, err := both.Check(bearer(good), resource.Need{})
		refusal(t, err, http.StatusUnauthorized, "invalid_token")
	})
	t.Run("a bound one is refused even if the answer is silent", func(t *testing.T) {
		answer = func(string) (*token.Claims, error) { return claims(nil), nil }
		bound := sign(t, keys, claims(func(c *token.Claims) { c.X5TS256 = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" }))
		_, err := both.Check(bearer(bound), resource.Need{})
		refusal(t, err, http.StatusUnauthorized, "invalid_token")
	})
	t.Run("an opaque one is asked about", func(t *testing.T) {
		answer = func(tok string) (*token.Claims, error) {
			if tok != "Zx81" {
				t.Errorf("Introspect: got %q", tok)
			}
			return claims(nil), nil
		}
		if _, err := both.Check(bearer("Zx81"), resource.Need{}); err != nil {
			t.Errorf("Check: %v", err)
		}
	})
	t.Run("without keys the answer alone decides and nothing is discovered", func(t *testing.T) {
		answer = func(string) (*token.Claims, error) { return claims(nil), nil }
		for _, tok := range []string{"Zx81", "a.b.c", good} {
			if _, err := opaqueOnly.Check(bearer(tok), resource.Need{}); err != nil {
				t.Errorf("Check: %v", err)
			}
		}
	})
	t.Run("what cannot be asked is 503", func(t *testing.T) {
		answers := map[string]func(string) (*token.Claims, error){
			"an error":     func(string) (*token.Claims, error) { return nil, errors.New("no route to the issuer") },
			"two nothings": func(string) (*token.Claims, error) { return nil, nil },
		}
		for name, a := range answers {
			answer = a
			_, err := both.Check(bearer(good), resource.Need{})
			if e := refusal(t, err, http.StatusServiceUnavailable, "temporarily_unavailable"); e.Challenge != "" {
				t.Errorf("%s: got challenge %s, want none", name, e.Challenge)
			}
		}
	})
	t.Run("keys that cannot be fetched are 503", func(t *testing.T) {
		g := newGuard(t, func(c *resource.Config) {
			c.Introspect = nil
			c.Accept.JWKSURI = issuer + "/jwks"
			c.Accept.HTTP = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				return nil, errors.New("no network here")
			})}
		})
		_, err := g.Check(bearer(good), resource.Need{})
		refusal(t, err, http.StatusServiceUnavailable, "temporarily_unavailable")
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
