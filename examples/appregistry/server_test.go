package main

import (
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
	"github.com/oauthcore/oauthcore/store/memory"
)

var discard = slog.New(slog.DiscardHandler)

// serve runs the service in this process. The issuer is the address and the path.
func serve(t *testing.T, conf *config, path string) *server {
	t.Helper()
	ts := httptest.NewUnstartedServer(nil)
	conf.Issuer = "http://" + ts.Listener.Addr().String() + path
	s, err := newServer(t.Context(), cheaply(conf), memory.New(), testSecrets(t), discard)
	if err != nil {
		t.Fatal(err)
	}
	ts.Config.Handler = s
	ts.Start()
	t.Cleanup(ts.Close)
	return s
}

// testSecrets are the same for all tests: making an RSA key takes its time.
func testSecrets(t testing.TB) *secrets {
	t.Helper()
	s, err := commonSecrets()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var commonSecrets = sync.OnceValues(func() (*secrets, error) { return newSecrets(nil) })

// newBrowser returns a client with cookies that shows redirects instead of following them.
func newBrowser(t testing.TB) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answered is an answer with its body read.
type answered struct {
	*http.Response
	body string
}

func read(t testing.TB, resp *http.Response, err error) answered {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{resp, string(body)}
}

func get(t testing.TB, c *http.Client, address string) answered {
	t.Helper()
	resp, err := c.Get(address)
	return read(t, resp, err)
}

var formAction = regexp.MustCompile(`<form method="post" action="([^"]*)">`)

// submit sends the form of a page.
func submit(t testing.TB, c *http.Client, page answered, fields url.Values) answered {
	t.Helper()
	action := formAction.FindStringSubmatch(page.body)
	if action == nil {
		t.Fatalf("%s has no form: status %d, body\n%s", page.Request.URL.Path, page.StatusCode, page.body)
	}
	u, err := page.Request.URL.Parse(html.UnescapeString(action[1]))
	if err != nil {
		t.Fatal(err)
	}
	fields = url.Values(http.Header(fields).Clone())
	for _, h := range hiddenPattern.FindAllStringSubmatch(page.body, -1) {
		fields.Add(html.UnescapeString(h[1]), html.UnescapeString(h[2]))
	}
	resp, err := c.PostForm(u.String(), fields)
	return read(t, resp, err)
}

// openConsent signs the organizer in and opens the consent page of an app.
func openConsent(t *testing.T, s *server, c *http.Client, app, redirect, verifier string) answered {
	t.Helper()
	page := get(t, c, s.issuer+oauthPaths.Authorize+"?"+url.Values{
		"response_type": {"code"}, "client_id": {app}, "redirect_uri": {redirect},
		"scope": {"read:events write:events"}, "code_challenge": {pkce.Challenge(verifier)}, "code_challenge_method": {"S256"},
	}.Encode())
	back := submit(t, c, page, url.Values{"email": {"organizer@eventzr.com"}, "password": {"Password123!"}})
	to, err := back.Location()
	if err != nil || back.StatusCode != http.StatusSeeOther {
		t.Fatalf("after signing in: status %d, %v; wanted 303", back.StatusCode, err)
	}
	return get(t, c, to.String())
}

// signIn returns the tokens of demo-cli for the organizer.
func signIn(t *testing.T, s *server) (accessToken, refreshToken string) {
	t.Helper()
	c, verifier, redirect := newBrowser(t), pkce.NewVerifier(), s.issuer+"/callback"
	page := openConsent(t, s, c, "demo-cli", redirect, verifier)
	back := submit(t, c, page, url.Values{"decision": {"allow"}, "scope": {"write:events"}})
	to, err := back.Location()
	if err != nil || !to.Query().Has("code") {
		t.Fatalf("after allowing: status %d, %v; wanted a code", back.StatusCode, err)
	}
	resp, err := http.PostForm(s.issuer+oauthPaths.Token, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"demo-cli"}, "redirect_uri": {redirect},
		"code": {to.Query().Get("code")}, "code_verifier": {verifier},
	})
	a := read(t, resp, err)
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal([]byte(a.body), &tokens); err != nil || tokens.Refresh == "" {
		t.Fatalf("exchange: status %d, %v, refresh token %t", a.StatusCode, err, tokens.Refresh != "")
	}
	return tokens.Access, tokens.Refresh
}

// A user who is gone from the service cannot be acted for: neither the next refresh nor the API accepts
// what was issued.
func TestRemovedUser(t *testing.T) {
	t.Parallel()
	s := serve(t, demonstration(), "")
	accessToken, refreshToken := signIn(t, s)
	delete(s.users.byEmail, "organizer@eventzr.com")

	resp, err := http.PostForm(s.issuer+oauthPaths.Token, url.Values{"grant_type": {"refresh_token"}, "client_id": {"demo-cli"}, "refresh_token": {refreshToken}})
	if a := read(t, resp, err); a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, `"invalid_grant"`) {
		t.Errorf("refresh: status %d, %s; wanted 400 invalid_grant", a.StatusCode, a.body)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.issuer+"/api/me", nil)
	r.Header.Set("Authorization", "Bearer "+accessToken)
	resp, err = http.DefaultClient.Do(r)
	if a := read(t, resp, err); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("the API: status %d, wanted 401", a.StatusCode)
	}
}

// The API names its metadata, and the metadata names the server (RFC 9728).
func TestResourceMetadata(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/tenants/one"} {
		s := serve(t, demonstration(), path)
		refused := get(t, http.DefaultClient, s.issuer+"/api/me")
		challenge := refused.Header.Get("WWW-Authenticate")
		found := regexp.MustCompile(`resource_metadata="([^"]*)"`).FindStringSubmatch(challenge)
		if refused.StatusCode != http.StatusUnauthorized || found == nil {
			t.Fatalf("without a token: status %d, challenge %q; wanted 401 and resource_metadata", refused.StatusCode, challenge)
		}
		var document struct {
			Resource string   `json:"resource"`
			Servers  []string `json:"authorization_servers"`
		}
		a := get(t, http.DefaultClient, found[1])
		if err := json.Unmarshal([]byte(a.body), &document); err != nil {
			t.Fatalf("%s: status %d, %v", found[1], a.StatusCode, err)
		}
		if document.Resource != s.issuer+"/api" || len(document.Servers) != 1 || document.Servers[0] != s.issuer {
			t.Errorf("%s says %+v, wanted the API and its server %s", found[1], document, s.issuer)
		}
	}
}

// The answers of the service itself are in its envelope and carry the caller's request id.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	s := serve(t, demonstration(), "")
	const id = "0190d7f2-52a4-7c3b-8f6e-1a2b3c4d5e6f"
	for _, sent := range []string{id, "", "not a UUID"} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", s.issuer+"/app-registry/v1/health", nil)
		r.Header.Set("x-request-id", sent)
		resp, err := http.DefaultClient.Do(r)
		a := read(t, resp, err)
		var envelope struct {
			Data  map[string]string
			Error any
			Meta  map[string]string
		}
		if err := json.Unmarshal([]byte(a.body), &envelope); err != nil {
			t.Fatal(err)
		}
		got := envelope.Meta["request_id"]
		if a.StatusCode != http.StatusOK || envelope.Data["status"] != "ok" || envelope.Error != nil || len(got) != 36 || got != a.Header.Get("x-request-id") {
			t.Errorf("health: status %d, %s", a.StatusCode, a.body)
		}
		if (got == id) != (sent == id) {
			t.Errorf("request id %q was answered with %q", sent, got)
		}
	}
}

// The switch takes the login away.
func TestLoginAPIOff(t *testing.T) {
	t.Parallel()
	conf := demonstration()
	conf.LoginAPI = false
	s := serve(t, conf, "")
	resp, err := http.Post(s.issuer+"/auth/v1/login", "application/json", strings.NewReader(`{"email":"dev@eventzr.com","password":"Password123!"}`))
	if a := read(t, resp, err); a.StatusCode != http.StatusNotFound {
		t.Errorf("status %d, wanted 404", a.StatusCode)
	}
}
