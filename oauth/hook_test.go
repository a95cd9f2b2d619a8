package oauth_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"math"
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

func TestClaimsHook(t *testing.T) {
	var grants []*oauth.Grant
	h := newHost(t, func(c *oauth.Config) {
		c.Claims = func(_ context.Context, g *oauth.Grant, c *token.Claims) error {
			grants = append(grants, g)
			c.Roles, c.Groups, c.Entitlements = []string{"staff"}, []string{"g"}, []string{"e"}
			c.Extra = map[string]json.RawMessage{"plan": json.RawMessage(`{"seats":5}`)}
			return nil
		}
	})
	for _, app := range []string{"web", "opaque"} {
		grants = nil
		r := h.login(app)
		r = h.refresh(app, r.str("refresh_token")).want(t, 200, "")
		c := h.claims(r.str("access_token"))
		if !slices.Equal(c.Roles, []string{"staff"}) || !slices.Equal(c.Groups, []string{"g"}) || !slices.Equal(c.Entitlements, []string{"e"}) || string(c.Extra["plan"]) != `{"seats":5}` {
			t.Errorf("%s: the claims are %+v", app, c)
		}
		if got := h.introspect(app, r.str("access_token")); got.json["plan"] == nil || got.json["roles"] == nil {
			t.Errorf("%s: introspection says %s", app, got.body)
		}
		if len(grants) != 4 { // exchange, refresh, two introspections
			t.Errorf("%s: asked %d times, want 4", app, len(grants))
		}
		for _, g := range grants {
			if g.ID == "" || g.ID != grants[0].ID || g.App != app || g.Login.Subject != "alice" || g.Login.Session != "" {
				t.Errorf("%s: asked about %+v", app, g)
			}
		}
	}
	grants = nil
	h.post("svc", "/token", ccForm).want(t, 200, "")
	if g := grants[0]; g.ID != "" || g.Login.Subject != "svc" || g.App != "svc" {
		t.Errorf("for an app that acts for itself: %+v", g)
	}
}

// The server alone says what a token is: a hook that says otherwise, or says what JSON has no form for,
// gets no token minted, and spends nothing.
func TestClaimsHookChangesTooMuch(t *testing.T) {
	var edit func(*token.Claims)
	s := &interceptor{}
	h := newHost(t, s.wrap, func(c *oauth.Config) {
		c.Claims = func(_ context.Context, _ *oauth.Grant, c *token.Claims) error {
			if edit != nil {
				edit(c)
			}
			return nil
		}
	})
	extra := func(name, value string) func(*token.Claims) {
		return func(c *token.Claims) { c.Extra = map[string]json.RawMessage{name: json.RawMessage(value)} }
	}
	cases := map[string]func(*token.Claims){
		"iss":                func(c *token.Claims) { c.Issuer = "https://other.example" },
		"sub":                func(c *token.Claims) { c.Subject = "mallory" },
		"aud":                func(c *token.Claims) { c.Audience = append(c.Audience, files) },
		"aud in place":       func(c *token.Claims) { c.Audience[0] = files },
		"exp":                func(c *token.Claims) { c.Expires = c.Expires.Add(time.Hour) },
		"nbf":                func(c *token.Claims) { c.NotBefore = c.IssuedAt },
		"iat":                func(c *token.Claims) { c.IssuedAt = c.IssuedAt.Add(-time.Second) },
		"jti":                func(c *token.Claims) { c.ID = "x" },
		"client_id":          func(c *token.Claims) { c.ClientID = "first" },
		"scope":              func(c *token.Claims) { c.Scopes = append(c.Scopes, "admin") },
		"scope in place":     func(c *token.Claims) { c.Scopes[0] = "admin" },
		"no scope":           func(c *token.Claims) { c.Scopes = nil },
		"auth_time":          func(c *token.Claims) { c.AuthTime = c.AuthTime.Add(time.Hour) },
		"acr":                func(c *token.Claims) { c.ACR = "gold" },
		"amr":                func(c *token.Claims) { c.AMR = []string{"hwk"} },
		"tenant":             func(c *token.Claims) { c.Tenant = "acme" },
		"cnf":                func(c *token.Claims) { c.JKT = "x" },
		"a certificate":      func(c *token.Claims) { c.X5TS256 = "x" },
		"everything":         func(c *token.Claims) { *c = token.Claims{} },
		"extra sub":          extra("sub", `"mallory"`),
		"extra SUB":          extra("SUB", `"mallory"`),
		"extra act":          extra("act", `{"sub":"mallory"}`),
		"extra active":       extra("active", `true`),
		"extra broken":       extra("x", `{`),
		"extra NaN":          extra("x", `NaN`),
		"extra two members":  extra("x", `{"a":1,"a":2}`),
		"extra not UTF-8":    extra("x", "\"\xff\""),
		"extra that is huge": extra("x", `"`+strings.Repeat("x", 1<<20)+`"`),
		"roles not UTF-8":    func(c *token.Claims) { c.Roles = []string{"\xff"} },
	}
	for _, app := range []string{"web", "opaque"} {
		v := h.request(app)
		code := h.codeOf(v)
		tok := h.login(app).str("refresh_token")
		for name, change := range cases {
			t.Run(app+"/"+name, func(t *testing.T) {
				edit = change
				s.unwritten(t, func() {
					for _, r := range []reply{h.exchange(v, code), h.refresh(app, tok), h.post("svc", "/token", ccForm)} {
						r.want(t, 500, "server_error")
						wellFormed(t, r)
					}
				})
			})
		}
		edit = nil
		h.exchange(v, code).want(t, 200, "")
		h.refresh(app, tok).want(t, 200, "")
	}
}

// A clock that is wrong beyond all measure mints no token of any form.
func TestMintAtAWrongTime(t *testing.T) {
	for name, form := range map[string]func(*oauth.Config){
		"JWT":    func(*oauth.Config) {},
		"opaque": func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { edit(s, "svc").Policy.Opaque = true }) },
		"handle": handles,
		"JWT of a profile": func(c *oauth.Config) {
			c.Profile = &oauth.Profile{Claims: func(c *token.Claims) (string, any) { return "", map[string]any{"sub": c.Subject} }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &interceptor{}
			h := newHost(t, s.wrap, form)
			for _, at := range []time.Time{{}, time.Unix(-1, 0), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)} {
				h.mu.Lock()
				h.now = at
				h.mu.Unlock()
				s.unwritten(t, func() { h.post("svc", "/token", ccForm).want(t, 500, "server_error") })
			}
		})
	}
}

// At introspection a hook that changes too much, even in place, spoils nothing that is kept.
func TestClaimsHookAtIntrospection(t *testing.T) {
	spoil := false
	h := newHost(t, func(c *oauth.Config) {
		c.Claims = func(_ context.Context, _ *oauth.Grant, c *token.Claims) error {
			if spoil {
				c.Scopes[0], c.Audience[0] = "admin", files
			}
			return nil
		}
	})
	tok := h.login("web").str("access_token")
	spoil = true
	h.introspect("web", tok).want(t, 500, "server_error")
	spoil = false
	if c := h.claims(tok); !slices.Equal(c.Scopes, []string{"read", "write"}) || !slices.Equal(c.Audience, []string{api}) {
		t.Errorf("the claims are %+v afterwards", c)
	}
}

// dialect is a made-up one: bodies in JSON, all errors 400 and in an envelope, JWTs without typ and aud.
func dialect(c *oauth.Config) {
	c.Profile = &oauth.Profile{
		Request: func(endpoint string, r *http.Request) (url.Values, error) {
			if r.Header.Get("Content-Type") != "application/json" {
				return nil, &oauth.Error{Code: "invalid_request", Description: endpoint + " takes JSON", Status: http.StatusUnsupportedMediaType}
			}
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			var members map[string]string
			if err := json.Unmarshal(b, &members); err != nil {
				return nil, err
			}
			v := make(url.Values)
			for name, value := range members {
				v.Add(strings.ToLower(name), value)
			}
			return v, nil
		},
		Reply: func(r *oauth.Reply) {
			r.Header.Set("X-Endpoint", r.Endpoint)
			r.Header.Del("WWW-Authenticate")
			switch {
			case r.Err != nil:
				r.Status = http.StatusBadRequest
				r.Body = map[string]any{"failed": r.Err.Code}
			case r.Token != nil:
				r.Body["created_at"] = r.Token.Grant.Created.Unix()
				r.Body["owner"] = r.Token.Grant.Login.Subject
			case r.Body == nil:
				r.Body = map[string]any{}
			}
		},
		Claims: func(c *token.Claims) (string, any) {
			return "", map[string]any{"iss": c.Issuer, "sub": c.Subject, "exp": c.Expires.Unix(), "iat": c.IssuedAt.Unix(), "jti": c.ID,
				"client_id": c.ClientID, "scope": strings.Join(c.Scopes, " "), "token_use": "access", "version": 2}
		},
		Hex: true,
	}
}

func (h *host) postJSON(path string, members map[string]string) reply {
	h.t.Helper()
	b, err := json.Marshal(members)
	if err != nil {
		h.t.Fatal(err)
	}
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {basic("web", secret)}}
	if members["client_id"] != "" {
		header.Del("Authorization")
	}
	return h.raw(path, header, string(b))
}

func TestProfile(t *testing.T) {
	h := newHost(t, dialect)
	v := h.request("web")
	code := h.codeOf(v)
	if _, err := hex.DecodeString(code); err != nil {
		t.Error("the code is not in hexadecimal")
	}
	exchange := map[string]string{"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "redirect_uri": callback}
	r := h.postJSON("/token", exchange).want(t, 200, "")
	if r.json["created_at"] != float64(h.clock().Unix()) || r.str("owner") != "alice" || r.Header.Get("X-Endpoint") != "token" {
		t.Errorf("answered %v %s", r.Header, r.body)
	}
	if _, err := hex.DecodeString(r.str("refresh_token")); err != nil {
		t.Error("the refresh token is not in hexadecimal")
	}
	parts := strings.Split(r.str("access_token"), ".")
	if header := string(decoded(t, parts[0])); strings.Contains(header, `"typ"`) || !strings.Contains(header, `"kid"`) {
		t.Errorf("the header is %s", header)
	}
	var payload map[string]any
	must(t, json.Unmarshal(decoded(t, parts[1]), &payload))
	if payload["token_use"] != "access" || payload["version"] != 2.0 || payload["aud"] != nil {
		t.Errorf("the payload is %v", payload)
	}
	if got := h.postJSON("/introspect", map[string]string{"token": r.str("access_token")}); got.json["active"] != true || got.str("sub") != "alice" || got.str("scope") != "read write" {
		t.Errorf("introspection says %s", got.body)
	}
	if got := h.postJSON("/introspect", map[string]string{"token": r.str("refresh_token")}); got.json["active"] != true {
		t.Errorf("introspection says %s", got.body)
	}
	r2 := h.postJSON("/token", map[string]string{"grant_type": "refresh_token", "refresh_token": r.str("refresh_token")}).want(t, 200, "")
	if got := h.postJSON("/revoke", map[string]string{"token": r.str("access_token")}); got.StatusCode != 200 || got.body != "{}" {
		t.Errorf("revocation answers %d %q", got.StatusCode, got.body)
	}
	if h.active(r.str("access_token")) || !h.active(r2.str("access_token")) {
		t.Error("revoked the wrong token")
	}

	t.Run("refuses in its own way", func(t *testing.T) {
		got := h.postJSON("/token", map[string]string{"grant_type": "client_credentials", "client_id": "web", "client_secret": "wrong"})
		if got.StatusCode != 400 || got.body != `{"failed":"invalid_client"}` || got.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("answered %d %s", got.StatusCode, got.body)
		}
		if e := h.lastEvent(); e.Err == nil || e.App != "web" {
			t.Errorf("the event is %+v", e)
		}
		if got := h.raw("/token", http.Header{}, "grant_type=x"); got.str("failed") != "invalid_request" {
			t.Errorf("answered %d %s", got.StatusCode, got.body)
		}
	})
	t.Run("keeps the rules for parameters", func(t *testing.T) {
		for _, body := range []string{`{"token":"a","TOKEN":"b"}`, `{"token":"\u0000"}`, `{`, `[]`, `{"token":"` + strings.Repeat("x", 64<<10) + `"}`} {
			header := http.Header{"Content-Type": {"application/json"}, "Authorization": {basic("web", secret)}}
			if got := h.raw("/introspect", header, body); got.str("failed") != "invalid_request" {
				t.Errorf("%.30s: answered %d %s", body, got.StatusCode, got.body)
			}
		}
	})
	t.Run("has opaque tokens in hexadecimal", func(t *testing.T) {
		h := newHost(t, dialect, func(c *oauth.Config) {
			c.Apps = apps(func(s registry.Static) { edit(s, "web").Policy.Opaque = true })
			c.CredentialPrefix = "pre_"
		})
		got, err := h.srv.Issue(t.Context(), "web", oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: h.clock()}})
		must(t, err)
		for _, tok := range []string{got.AccessToken, got.RefreshToken} {
			if _, err := hex.DecodeString(strings.TrimPrefix(tok, "pre_")); err != nil || !strings.HasPrefix(tok, "pre_") {
				t.Error("a token is not the prefix and hexadecimal")
			}
		}
		capitals := func(tok string) string { return "pre_" + strings.ToUpper(tok[len("pre_"):]) }
		if !h.active(got.AccessToken) || h.active(capitals(got.AccessToken)) {
			t.Error("not exactly the token that was handed out is active")
		}
	})
}

// What a dialect does wrong is an error of the server's, with nothing of the answer in it.
func TestProfileFaults(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Profile = &oauth.Profile{Reply: func(r *oauth.Reply) { r.Body["x"] = math.NaN() }}
	})
	if r := h.post("svc", "/token", ccForm).want(t, 500, "server_error"); !maps.Equal(r.json, map[string]any{"error": "server_error"}) {
		t.Errorf("answered %s", r.body)
	}
	h = newHost(t, func(c *oauth.Config) {
		c.Profile = &oauth.Profile{Claims: func(*token.Claims) (string, any) { return "", func() {} }}
	})
	h.post("svc", "/token", ccForm).want(t, 500, "server_error")
}
