package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/oauthcore/oauthcore/store"
)

// The demonstration's people.
const (
	dev       = "dev@eventzr.com"
	admin     = "admin@eventzr.com"
	organizer = "organizer@eventzr.com"
	partner   = "partner@eventzr.com"

	tenantOne = "00000000-0000-0000-0000-000000000001"
	tenantTwo = "00000000-0000-0000-0000-000000000002"
)

// cheaply replaces the passwords of users by hashes that cost little to check, and nothing to make.
func cheaply(conf *config) *config {
	conf.Users = slices.Clone(conf.Users)
	for i := range conf.Users {
		if u := &conf.Users[i]; !strings.HasPrefix(u.Password, hashPrefix) {
			salt := []byte("salt of a test")
			key := argon2.IDKey([]byte(u.Password), salt, 1, 64, 1, 32)
			u.Password = fmt.Sprintf("%sv=19$m=64,t=1,p=1$%s$%s", hashPrefix,
				base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
		}
	}
	return conf
}

// serveOn runs the service in this process on a store, under an issuer that several servers may share.
func serveOn(t testing.TB, conf *config, st store.Store, issuer string) (s *server, address string) {
	t.Helper()
	ts := httptest.NewUnstartedServer(nil)
	address = "http://" + ts.Listener.Addr().String()
	if conf.Issuer = issuer; issuer == "" {
		conf.Issuer = address
	}
	keep := testSecrets(t)
	if conf.Keys != nil {
		var err error
		if keep, err = newSecrets(conf.Keys); err != nil {
			t.Fatal(err)
		}
	}
	s, err := newServer(t.Context(), cheaply(conf), st, keep, discard)
	if err != nil {
		t.Fatal(err)
	}
	ts.Config.Handler = s
	ts.Start()
	t.Cleanup(ts.Close)
	return s, address
}

// listen serves h until stop.
func listen(t testing.TB, h http.Handler) (address string, stop func()) {
	ts := httptest.NewServer(h)
	t.Cleanup(ts.Close)
	return ts.URL, ts.Close
}

// caller sends requests with a token.
type caller struct {
	t       testing.TB
	address string
	token   string
}

// as is a caller with the service's own token for a user, who has signed in.
func (s *server) as(t testing.TB, address, email string) *caller {
	t.Helper()
	tokens, err := s.issue(t.Context(), s.users.find(email))
	if err != nil {
		t.Fatal(err)
	}
	return &caller{t, address, tokens.AccessToken}
}

// asApp is a caller with an app's own token.
func asApp(t testing.TB, address, id, secret string) *caller {
	t.Helper()
	a := (&caller{t: t, address: address}).do("POST", oauthPaths.Token, map[string]string{
		"grant_type": "client_credentials", "client_id": id, "client_secret": secret})
	tok, _ := a.body["access_token"].(string)
	if tok == "" {
		t.Fatalf("token of %s: status %d, %v", id, a.status, a.body["error"])
	}
	return &caller{t, address, tok}
}

// got is an answer in JSON, and what it was asked for with.
type got struct {
	method, path, sent string // sent: the body, if it was JSON

	status int
	header http.Header
	body   map[string]any
	raw    string
}

// do sends a request; a body is sent as JSON, headers are name and value in turn.
func (c *caller) do(method, path string, body any, headers ...string) got {
	c.t.Helper()
	sent, ready := body.(string)
	if body != nil && !ready {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		sent = string(b)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.address+path, strings.NewReader(sent))
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		c.t.Error(err)
		return got{}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Error(err)
	}
	if r.Header.Get("Content-Type") != "application/json" {
		sent = ""
	}
	a := got{method: method, path: path, sent: sent, status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if len(raw) > 0 && strings.HasSuffix(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			c.t.Errorf("%s %s: status %d, %v", method, path, a.status, err)
		}
	}
	a.holds(c.t)
	return a
}

// reg is do on the registry's API, which must answer with the status. It returns data.
func (c *caller) reg(status int, method, path string, body any, headers ...string) map[string]any {
	c.t.Helper()
	a := c.do(method, "/app-registry/v1"+path, body, headers...)
	if a.status != status {
		c.t.Fatalf("%s %s: status %d, error %v; wanted %d", method, path, a.status, a.body["error"], status)
	}
	data, _ := a.body["data"].(map[string]any)
	return data
}

// code is the error's code in the envelope.
func (a got) code() string {
	fault, _ := a.body["error"].(map[string]any)
	code, _ := fault["code"].(string)
	return code
}

// items is data as a list.
func (a got) items() []any {
	items, _ := a.body["data"].([]any)
	return items
}

// ids are the client_ids of a list.
func (a got) ids() (ids []string) {
	for _, item := range a.items() {
		m, _ := item.(map[string]any)
		id, _ := m["client_id"].(string)
		ids = append(ids, id)
	}
	return ids
}

// manifest is that of an app that organizers install.
func manifest(name string, categories ...string) map[string]any {
	return map[string]any{
		"client_name": name, "description": "What " + name + " does.", "redirect_uris": []string{"https://app.example/callback"},
		"grant_types": []string{"authorization_code", "refresh_token", "client_credentials"}, "token_endpoint_auth_method": "client_secret_post",
		"scopes": []string{"read:events", "write:events"}, "required_scopes": []string{"read:events"}, "categories": append([]string{}, categories...),
	}
}

// publish takes a new app of the developer's through review, and returns its ID and secret.
func publish(developer, reviewer *caller, name string, categories ...string) (id, secret string) {
	developer.t.Helper()
	app := developer.reg(http.StatusCreated, "POST", "/apps", manifest(name, categories...))
	id, _ = app["client_id"].(string)
	secret, _ = app["client_secret"].(string)
	developer.reg(http.StatusOK, "POST", "/apps/"+id+"/submit", nil)
	reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/approve", nil)
	reviewer.reg(http.StatusOK, "POST", "/admin/apps/"+id+"/publish", nil)
	return id, secret
}
