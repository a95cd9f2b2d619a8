package clients_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// The people and apps of every test.
const (
	ada, adaPassword = "ada@example.com", "correct horse"
	bob, bobPassword = "bob@example.com", "battery staple"

	loopback = "http://127.0.0.1:4711/callback" // registered without the port
	site     = "https://web.example/callback"

	webSecret = "s3cret: with + and %" // so that Basic has something to encode
)

// config is a configuration with an app of each kind; change edits it.
func config(change func(map[string]any)) map[string]any {
	code := []string{"authorization_code", "refresh_token"}
	machine := []string{"client_credentials"}
	scopes := []string{"read:events", "write:events"}
	c := map[string]any{
		"users": []map[string]any{
			{"email": ada, "password": adaPassword, "name": "Ada", "tenant": "t1", "roles": []string{"organizer"}},
			{"email": bob, "password": bobPassword, "name": "Bob", "tenant": "t2", "roles": []string{"admin"}},
		},
		"apps": []map[string]any{
			{"id": "cli", "name": "My CLI", "auth_method": "none", "redirect_uris": []string{"http://127.0.0.1/callback"}, "grant_types": code, "scopes": scopes},
			{"id": "spa", "name": "My Page", "auth_method": "none", "redirect_uris": []string{site}, "grant_types": code, "scopes": scopes},
			{"id": "web", "name": "My Site", "secret": webSecret, "redirect_uris": []string{site}, "grant_types": code, "scopes": scopes},
			{"id": "web-post", "name": "My Old Site", "auth_method": "client_secret_post", "secret": webSecret, "redirect_uris": []string{site}, "grant_types": code, "scopes": scopes},
			{"id": "opaque", "name": "My Opaque Site", "secret": webSecret, "redirect_uris": []string{site}, "grant_types": code, "scopes": scopes, "opaque": true},
			{"id": "own", "name": "The Platform's", "auth_method": "none", "redirect_uris": []string{site}, "grant_types": code, "scopes": scopes, "first_party": true},
			{"id": "job", "name": "My Job", "secret": webSecret, "grant_types": machine, "scopes": scopes},
			{"id": "job-post", "name": "My Old Job", "auth_method": "client_secret_post", "secret": webSecret, "grant_types": machine, "scopes": scopes},
			{"id": "api", "name": "Events API", "secret": "api secret", "grant_types": machine, "scopes": scopes, "may_introspect": true},
		},
		"scopes": map[string]string{"read:events": "See your events", "write:events": "Create and change events"},
		"keys":   []string{"ES256"},
	}
	if change != nil {
		change(c)
	}
	return c
}

// client is x/oauth2's configuration for an app.
func client(s *server, id, secret, redirect string, style oauth2.AuthStyle, scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: id, ClientSecret: secret, RedirectURL: redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: s.authorizeURL(), TokenURL: s.tokenURL(), AuthStyle: style},
	}
}

// web is the confidential app, which most tests are about.
func web(s *server, scopes ...string) *oauth2.Config {
	return client(s, "web", webSecret, site, oauth2.AuthStyleInHeader, scopes...)
}

// cli is the public app.
func cli(s *server, scopes ...string) *oauth2.Config {
	return client(s, "cli", "", loopback, oauth2.AuthStyleInParams, scopes...)
}

// authorize opens the app's authorization request, signs in as ada if asked, allows if asked, and
// returns the code.
func authorize(b *browser, s *server, c *oauth2.Config, verifier string, opts ...oauth2.AuthCodeOption) string {
	b.t.Helper()
	const state = "state of the app"
	p := b.open(c.AuthCodeURL(state, append(opts, oauth2.S256ChallengeOption(verifier))...))
	if p.title == "Sign in" {
		p = b.signIn(p, ada, adaPassword)
	}
	if p.isConsent() {
		p = b.decide(p, "allow", nil)
	}
	q := p.answer(s, state)
	if q.Get("code") == "" {
		b.t.Fatalf("the redirect has no code: error %q, %q", q.Get("error"), q.Get("error_description"))
	}
	return q.Get("code")
}

// login signs ada in to the app in a new browser and returns the tokens.
func login(t testing.TB, s *server, c *oauth2.Config) *oauth2.Token {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	code := authorize(newBrowser(t), s, c, verifier)
	tok, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatalf("Exchange: %v", err)
	}
	return tok
}

// reply is an answer in JSON.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// post sends a form, with HTTP Basic unless id is empty.
func post(t testing.TB, address, id, secret string, form url.Values) reply {
	t.Helper()
	return postWith(t, http.DefaultClient, address, id, secret, form)
}

// postWith is post by a client of the caller's. Both may be called from many goroutines: a fault is an
// error of the test and a reply of status 0.
func postWith(t testing.TB, c *http.Client, address, id, secret string, form url.Values) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return reply{}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	}
	return doWith(t, c, r)
}

// do sends a request whose answer is JSON or empty.
func do(t testing.TB, r *http.Request) reply {
	t.Helper()
	return doWith(t, http.DefaultClient, r)
}

func doWith(t testing.TB, c *http.Client, r *http.Request) reply {
	t.Helper()
	resp, err := c.Do(r)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
		return reply{}
	}
	a := reply{status: resp.StatusCode, header: resp.Header}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &a.body); err != nil {
			t.Errorf("%s %s: status %d, %v", r.Method, r.URL.Path, resp.StatusCode, err)
		}
	}
	return a
}

// me calls the protected API.
func me(t testing.TB, s *server, accessToken string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.issuer+"/api/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+accessToken)
	return do(t, r)
}

// introspect asks, as the API does, whether a token is good.
func introspect(t testing.TB, s *server, tok string) reply {
	t.Helper()
	a := post(t, s.introspectURL(), "api", "api secret", url.Values{"token": {tok}})
	if a.status != http.StatusOK {
		t.Fatalf("introspection: status %d, %v", a.status, a.body)
	}
	return a
}

// refresh spends a refresh token of a client that the arguments of post authenticate.
func refresh(t testing.TB, s *server, id, secret, tok string) reply {
	t.Helper()
	return post(t, s.tokenURL(), id, secret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok}})
}

// wantAlive checks a pair of tokens of the app web at the API, at introspection and, unless it is "", at
// refresh.
func wantAlive(t testing.TB, s *server, accessToken, refreshToken string) {
	t.Helper()
	if a := me(t, s, accessToken); a.status != http.StatusOK {
		t.Errorf("the API answers %d, wanted 200", a.status)
	}
	if a := introspect(t, s, accessToken); a.body["active"] != true {
		t.Errorf("introspection says %v, wanted active", a.body)
	}
	if refreshToken == "" {
		return
	}
	if a := refresh(t, s, "web", webSecret, refreshToken); a.status != http.StatusOK {
		t.Errorf("refresh answers %d, %v; wanted 200", a.status, a.body)
	}
}

// wantDead is the opposite, and checks that nothing more is said.
func wantDead(t testing.TB, s *server, accessToken, refreshToken string) {
	t.Helper()
	if a := me(t, s, accessToken); a.status != http.StatusUnauthorized || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("the API answers %d, %q; wanted 401 and invalid_token", a.status, a.header.Get("WWW-Authenticate"))
	}
	if a := introspect(t, s, accessToken); a.body["active"] != false || len(a.body) != 1 {
		t.Errorf("introspection says %v, wanted only that it is not active", a.body)
	}
	if refreshToken == "" {
		return
	}
	if a := refresh(t, s, "web", webSecret, refreshToken); a.status != http.StatusBadRequest || a.body["error"] != "invalid_grant" {
		t.Errorf("refresh answers %d, %v; wanted 400 and invalid_grant", a.status, a.body)
	}
}

// words splits a scope parameter into sorted scopes.
func words(scope any) []string {
	s, _ := scope.(string)
	all := strings.Fields(s)
	slices.Sort(all)
	return all
}
