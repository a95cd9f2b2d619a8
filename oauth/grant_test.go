package oauth_test

import (
	"context"
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/token"
)

const badgeGrant = "urn:example:grant-type:badge"

// newGrantHost starts a host with a grant type of its own, which the app web may use.
func newGrantHost(t testing.TB, handler oauth.GrantHandler, change ...func(*oauth.Config)) *host {
	t.Helper()
	return newHost(t, append([]func(*oauth.Config){func(c *oauth.Config) {
		c.GrantTypes = map[string]oauth.GrantHandler{badgeGrant: handler}
		c.Apps = apps(func(s registry.Static) {
			for _, app := range []string{"web", "two"} {
				m := &edit(s, app).Manifest
				m.GrantTypes = append(slices.Clip(m.GrantTypes), badgeGrant)
			}
		})
	}}, change...)...)
}

func (h *host) badge(set ...string) reply {
	h.t.Helper()
	return h.post("web", "/token", with(url.Values{"grant_type": {badgeGrant}, "badge": {"alice"}}, set...))
}

func TestHostGrant(t *testing.T) {
	var got *oauth.TokenRequest
	var h *host
	h = newGrantHost(t, func(_ context.Context, r *oauth.TokenRequest) (*oauth.Approval, error) {
		got = r
		login := &oauth.Login{Subject: r.Params.Get("badge"), Tenant: "acme", Time: h.clock(), ACR: "badge", AMR: []string{"hwk"}}
		return &oauth.Approval{Login: login, Data: []byte("door 7")}, nil
	})
	r := h.badge("scope", "read", "extra", "1").want(t, 200, "")
	wellFormed(t, r)
	if got.App.ID != "web" || got.Params.Get("badge") != "alice" || got.Params.Get("extra") != "1" || got.Header.Get("User-Agent") == "" ||
		got.Header.Get("Authorization") != "" {
		t.Errorf("the handler got %+v", got)
	}
	c := h.claims(r.str("access_token"))
	if c.Subject != "alice" || c.ClientID != "web" || c.Tenant != "acme" || c.ACR != "badge" || !slices.Equal(c.AMR, []string{"hwk"}) ||
		!slices.Equal(c.Scopes, []string{"read"}) || !c.AuthTime.Equal(h.clock()) {
		t.Errorf("the claims are %+v", c)
	}
	if e := h.lastEvent(); e.GrantType != badgeGrant || e.App != "web" || e.Subject != "alice" || e.Tenant != "acme" || e.Grant == "" || !slices.Equal(e.Scopes, []string{"read"}) {
		t.Errorf("the event is %+v", e)
	}
	r2 := h.refresh("web", r.str("refresh_token")).want(t, 200, "")
	h.post("two", "/token", url.Values{"grant_type": {badgeGrant}, "badge": {"alice"}}).want(t, 200, "")
	if got.App.ID != "two" || got.Params.Has("client_secret") || !got.Params.Has("client_id") {
		t.Errorf("the handler got %q", got.Params)
	}
	h.refresh("web", r2.str("refresh_token"), "scope", "write").want(t, 400, "invalid_scope")
	must(t, h.srv.EndSubject(t.Context(), "alice"))
	h.refresh("web", r2.str("refresh_token")).want(t, 400, "invalid_grant")
	if h.active(r.str("access_token")) {
		t.Error("ending the subject did not end the grant")
	}
}

func TestHostGrantRefusals(t *testing.T) {
	var ap *oauth.Approval
	var refusal error
	called := 0
	s := &interceptor{}
	h := newGrantHost(t, func(context.Context, *oauth.TokenRequest) (*oauth.Approval, error) {
		called++
		return ap, refusal
	}, s.wrap)
	login := &oauth.Login{Subject: "alice", Time: h.clock()}
	for _, tt := range []struct {
		name   string
		ap     *oauth.Approval
		err    error
		set    []string
		status int
		code   string
	}{
		{name: "invalid_grant", err: &oauth.Error{Code: "invalid_grant"}, status: 400, code: "invalid_grant"},
		{name: "a code of its own", err: &oauth.Error{Code: "authorization_pending"}, status: 400, code: "authorization_pending"},
		{name: "invalid_client", err: &oauth.Error{Code: "invalid_client"}, status: 401, code: "invalid_client"},
		{name: "a status of its own", err: &oauth.Error{Code: "slow_down", Status: 429}, status: 429, code: "slow_down"},
		{name: "any other error", err: errors.New("badge reader on fire"), status: 500, code: "server_error"},
		{name: "a deadline", err: context.DeadlineExceeded, status: 503, code: "temporarily_unavailable"},
		{name: "nothing", status: 500, code: "server_error"},
		{name: "no login", ap: &oauth.Approval{}, status: 500, code: "server_error"},
		{name: "no subject", ap: &oauth.Approval{Login: &oauth.Login{Time: h.clock()}}, status: 500, code: "server_error"},
		{name: "no time", ap: &oauth.Approval{Login: &oauth.Login{Subject: "alice"}}, status: 500, code: "server_error"},
		{name: "much data", ap: &oauth.Approval{Login: login, Data: make([]byte, 4<<10+1)}, status: 500, code: "server_error"},
		{name: "an unknown resource", ap: &oauth.Approval{Login: login, Resources: []string{"https://x.example"}}, status: 400, code: "invalid_target"},
		{name: "a resource not asked", ap: &oauth.Approval{Login: login, Resources: []string{files}}, set: []string{"resource", api}, status: 400, code: "invalid_target"},
		{name: "other scopes than asked", ap: &oauth.Approval{Login: login, Scopes: []string{"write"}}, set: []string{"scope", "read"}, status: 400, code: "invalid_scope"},
		{name: "a scope that the client may not have", ap: &oauth.Approval{Login: login}, set: []string{"scope", "other"}, status: 400, code: "invalid_scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ap, refusal = tt.ap, tt.err
			s.unwritten(t, func() {
				r := h.badge(tt.set...).want(t, tt.status, tt.code)
				if strings.Contains(r.body, "fire") {
					t.Errorf("the cause is in the answer: %s", r.body)
				}
			})
			if e := h.lastEvent(); e.Err == nil || tt.err != nil && !errors.Is(e.Err, tt.err) {
				t.Errorf("the event's Err is %v", e.Err)
			}
		})
	}
	t.Run("before it is asked", func(t *testing.T) {
		before := called
		h.post("opaque", "/token", url.Values{"grant_type": {badgeGrant}}).want(t, 400, "unauthorized_client")
		h.raw("/token", map[string][]string{}, "client_id=web&grant_type="+badgeGrant).want(t, 401, "invalid_client")
		h.badge("scope", "a", "grant_type", "urn:other").want(t, 400, "unsupported_grant_type")
		if called != before {
			t.Error("the handler was asked")
		}
	})
}

func TestApproval(t *testing.T) {
	var ap oauth.Approval
	var h *host
	h = newGrantHost(t, func(context.Context, *oauth.TokenRequest) (*oauth.Approval, error) {
		copied := ap
		copied.Login = &oauth.Login{Subject: "alice", Time: h.clock()}
		return &copied, nil
	})
	for _, tt := range []struct {
		name          string
		ap            oauth.Approval
		set           []string
		scope         string
		aud           []string
		refreshTokens bool
	}{
		{"of all", oauth.Approval{}, nil, "read write admin", []string{api}, true},
		{"of what was asked", oauth.Approval{}, []string{"scope", "write", "resource", files}, "write", []string{files}, true},
		{"of less", oauth.Approval{Scopes: []string{"read", "write"}}, []string{"scope", "read admin"}, "read", []string{api}, true},
		{"of more, which is cut", oauth.Approval{Scopes: []string{"read", "other"}}, nil, "read", []string{api}, true},
		{"of no scope", oauth.Approval{Scopes: []string{}}, nil, "", []string{api}, true},
		{"of resources where none were asked", oauth.Approval{Resources: []string{files, api}}, nil, "read write admin", []string{files, api}, true},
		{"of an access token only", oauth.Approval{NoRefresh: true}, nil, "read write admin", []string{api}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ap = tt.ap
			r := h.badge(tt.set...).want(t, 200, "")
			c := h.claims(r.str("access_token"))
			if r.str("scope") != tt.scope || strings.Join(c.Scopes, " ") != tt.scope || !slices.Equal(c.Audience, tt.aud) || (r.json["refresh_token"] != nil) != tt.refreshTokens {
				t.Errorf("answered %s, the token says %q for %q", r.body, c.Scopes, c.Audience)
			}
		})
	}
}

func TestIssue(t *testing.T) {
	s := &interceptor{}
	h := newHost(t, s.wrap)
	login := &oauth.Login{Subject: "alice", Tenant: "acme", Time: h.clock()}
	got, err := h.srv.Issue(t.Context(), "web", oauth.Approval{Login: login, Scopes: []string{"read"}, Data: []byte("x")})
	must(t, err)
	if got.TokenType != "Bearer" || got.ExpiresIn != 15*time.Minute || got.RefreshToken == "" || !slices.Equal(got.Scopes, []string{"read"}) {
		t.Errorf("got %+v", got)
	}
	g := got.Grant
	if g.ID == "" || g.App != "web" || g.Login.Subject != "alice" || g.Login.Tenant != "acme" || g.Login.Session != "" || string(g.Data) != "x" ||
		!g.Created.Equal(h.clock()) || !g.Expires.Equal(h.clock().Add(366*24*time.Hour)) {
		t.Errorf("the grant is %+v", g)
	}
	if e := h.lastEvent(); e.Endpoint != "issue" || e.App != "web" || e.Subject != "alice" || e.Grant != g.ID || e.Err != nil || e.Remote != "" {
		t.Errorf("the event is %+v", e)
	}
	b, err := got.MarshalJSON()
	if err != nil || strings.Contains(string(b), "Grant") || !strings.Contains(string(b), `"expires_in":900`) {
		t.Errorf("as JSON: %s, %v", b, err)
	}
	r := h.refresh("web", got.RefreshToken).want(t, 200, "")
	for _, tok := range []string{got.AccessToken, r.str("access_token")} {
		if c := h.claims(tok); c.Subject != "alice" || c.ClientID != "web" || !slices.Equal(c.Scopes, []string{"read"}) {
			t.Errorf("the claims are %+v", c)
		}
	}

	for _, tt := range []struct {
		name, app string
		ap        oauth.Approval
		code      string
	}{
		{"an unknown app", "nobody", oauth.Approval{Login: login}, "invalid_client"},
		{"without login", "web", oauth.Approval{}, "server_error"},
		{"without subject", "web", oauth.Approval{Login: &oauth.Login{Time: h.clock()}}, "server_error"},
		{"nothing of the app's scopes", "web", oauth.Approval{Login: login, Scopes: []string{"other"}}, "invalid_scope"},
		{"an unknown resource", "web", oauth.Approval{Login: login, Resources: []string{"https://x.example"}}, "invalid_target"},
	} {
		t.Run("refuses "+tt.name, func(t *testing.T) {
			s.unwritten(t, func() {
				_, err := h.srv.Issue(t.Context(), tt.app, tt.ap)
				var e *oauth.Error
				if !errors.As(err, &e) || e.Code != tt.code {
					t.Errorf("got %v, want %s", err, tt.code)
				}
			})
			if h.lastEvent().Err == nil {
				t.Error("no Err in the event")
			}
		})
	}
	t.Run("refuses when the store fails, whose error can be found", func(t *testing.T) {
		s.get = func([]string) error { return errDown }
		defer func() { s.get = nil }()
		_, err := h.srv.Issue(t.Context(), "web", oauth.Approval{Login: login})
		var e *oauth.Error
		if !errors.As(err, &e) || e.Code != "temporarily_unavailable" || !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an access token only", func(t *testing.T) {
		for app, ap := range map[string]oauth.Approval{"web": {Login: login, NoRefresh: true}, "svc": {Login: login}} {
			got, err := h.srv.Issue(t.Context(), app, ap)
			must(t, err)
			if got.RefreshToken != "" || !h.active(got.AccessToken) {
				t.Errorf("%s: got a refresh token %t", app, got.RefreshToken != "")
			}
			must(t, h.srv.EndSubject(t.Context(), "alice"))
			if h.active(got.AccessToken) {
				t.Errorf("%s: ending the subject did not end it", app)
			}
		}
	})
	t.Run("goes on when its caller does not", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.srv.Issue(ctx, "web", oauth.Approval{Login: login}); err != nil {
			t.Errorf("got %v", err)
		}
	})
}

// What a hook or a caller does to the Grant that it was given changes nothing.
func TestGrantIsACopy(t *testing.T) {
	spoil := func(g *oauth.Grant) {
		for _, list := range [][]string{g.Scopes, g.Resources, g.Login.AMR} {
			for i := range list {
				list[i] = "spoiled"
			}
		}
		clear(g.Data)
		g.Login.Subject, g.App = "mallory", "other"
	}
	var seen []oauth.Grant
	h := newHost(t, func(c *oauth.Config) {
		c.Claims = func(_ context.Context, g *oauth.Grant, _ *token.Claims) error {
			seen = append(seen, oauth.Grant{App: g.App, Login: g.Login, Scopes: slices.Clone(g.Scopes), Resources: slices.Clone(g.Resources), Data: slices.Clone(g.Data)})
			spoil(g)
			return nil
		}
	})
	login := &oauth.Login{Subject: "alice", Time: h.clock(), AMR: []string{"pwd"}}
	ap := oauth.Approval{Login: login, Scopes: []string{"read"}, Resources: []string{files}, Data: []byte("data")}
	got, err := h.srv.Issue(t.Context(), "opaque", ap)
	must(t, err)
	spoil(got.Grant)
	tok := got.RefreshToken
	for range 2 {
		tok = h.refresh("opaque", tok).want(t, 200, "").str("refresh_token")
	}
	if c := h.claims(got.AccessToken); c.Subject != "alice" || c.ClientID != "opaque" || !slices.Equal(c.Scopes, []string{"read"}) || !slices.Equal(c.Audience, []string{files}) {
		t.Errorf("the claims are %+v", c)
	}
	for i, g := range seen {
		if g.App != "opaque" || g.Login.Subject != "alice" || !slices.Equal(g.Scopes, []string{"read"}) || !slices.Equal(g.Resources, []string{files}) || string(g.Data) != "data" {
			t.Errorf("mint %d saw %+v", i, g)
		}
	}
	if ap.Login.AMR[0] != "pwd" || string(ap.Data) != "data" || ap.Scopes[0] != "read" || ap.Resources[0] != files {
		t.Errorf("the caller's own Approval was changed: %+v", ap)
	}
	if want := apps(); !maps.EqualFunc(scopesOf(h.config.Apps.(registry.Static)), scopesOf(want), slices.Equal[[]string]) {
		t.Error("the apps were changed")
	}
}

func scopesOf(s registry.Static) map[string][]string {
	m := make(map[string][]string)
	for _, app := range s {
		m[app.ID] = app.Manifest.Scopes
	}
	return m
}

// TestApprovalOfNothing: nothing approved is nothing, not all.
func TestApprovalOfNothing(t *testing.T) {
	var approval oauth.Approval
	var h *host
	h = newGrantHost(t, func(context.Context, *oauth.TokenRequest) (*oauth.Approval, error) {
		ap := approval
		ap.Login = &oauth.Login{Subject: "alice", Time: h.clock()}
		return &ap, nil
	})
	approval = oauth.Approval{Resources: []string{}}
	h.badge("resource", files).want(t, 400, "invalid_target")
	h.badge().want(t, 400, "invalid_target")
	approval = oauth.Approval{Scopes: []string{}}
	h.badge("scope", "read").want(t, 400, "invalid_scope")
	if r := h.badge().want(t, 200, ""); r.json["scope"] != nil {
		t.Errorf("the scope is %q, want none", r.str("scope"))
	}
}
