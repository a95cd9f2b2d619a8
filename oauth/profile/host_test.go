package profile_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

const (
	issuer = "https://auth.example.com"
	api    = "https://api.example.com"
	secret = "correct-horse-battery-staple"
)

// host is a server with an app of each kind, at which alice is always signed in. Its clock stands still.
type host struct {
	srv    *oauth.Server
	keys   *token.Keys
	now    *time.Time // of all servers on its store
	config oauth.Config
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// newHost starts a host that speaks p, strict OAuth 2.1 if it is nil.
func newHost(t testing.TB, p *oauth.Profile) *host {
	t.Helper()
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1552036500, 0)
	h := &host{now: &now}
	if h.keys, err = token.NewKeys(token.Key{ID: "k1", Signer: key}); err != nil {
		t.Fatal(err)
	}
	h.config = oauth.Config{
		Issuer: issuer, Store: memory.New(), Keys: h.keys, Apps: apps(t), Secrets: [][]byte{make([]byte, 32)},
		Resources: []string{api}, Scopes: []string{"calendar/read", "public"},
		SignedIn: func(*http.Request) (*oauth.Login, error) {
			return &oauth.Login{Subject: "alice", Session: "s1", Time: now}, nil
		},
		Interact: func(http.ResponseWriter, *http.Request, *oauth.Authorization) { t.Error("a page is needed") },
		Now:      func() time.Time { return now },
	}
	return h.as(t, p)
}

// as returns a server that speaks p on what h has.
func (h *host) as(t testing.TB, p *oauth.Profile) *host {
	t.Helper()
	other := *h
	other.config.Profile = p
	srv, err := oauth.New(other.config)
	if err != nil {
		t.Fatal(err)
	}
	other.srv = srv
	return &other
}

// issue gives the app a token for alice.
func (h *host) issue(t testing.TB, app string) *oauth.TokenResponse {
	t.Helper()
	tok, err := h.srv.Issue(t.Context(), app, oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: *h.now}})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// outage is an app that cannot be looked up.
const outage = "outage"

type someApps struct{ registry.Static }

func (a someApps) App(ctx context.Context, id string) (*registry.App, error) {
	if id == outage {
		return nil, errors.New("the database is down")
	}
	return a.Static.App(ctx, id)
}

func apps(t testing.TB) oauth.Apps {
	t.Helper()
	sum := sha256.Sum256([]byte(secret))
	secrets := []registry.Secret{{ID: "1", Hash: sum[:]}}
	scopes := []string{"calendar/read", "public"}
	site := func(id string) []string { return []string{"https://" + id + ".example.com/callback"} }
	code := []string{"authorization_code", "refresh_token"}
	const inBody = "client_secret_post"
	first := registry.Policy{FirstParty: true, AccessLifetime: 2 * time.Hour}
	noPKCE := first
	noPKCE.InsecureNoPKCE = true
	hour := registry.Policy{AccessLifetime: time.Hour}
	refreshing := hour
	refreshing.InsecureRefreshForClientCredentials = true
	all := registry.Static{
		{ID: "web", Secrets: secrets, Policy: first, Manifest: registry.Manifest{Name: "Web", AuthMethod: inBody, RedirectURIs: site("web"), Scopes: scopes, GrantTypes: code}},
		{ID: "old", Secrets: secrets, Policy: noPKCE, Manifest: registry.Manifest{Name: "Old", AuthMethod: inBody, RedirectURIs: site("old"), Scopes: scopes, GrantTypes: code}},
		{ID: "spa", Policy: first, Manifest: registry.Manifest{Name: "Browser app", AuthMethod: "none", RedirectURIs: []string{"https://myapp.com/callback"},
			Scopes: []string{"read:events", "write:events"}, GrantTypes: code}},
		{ID: "svc", Secrets: secrets, Policy: hour, Manifest: registry.Manifest{Name: "Service", AuthMethod: inBody, Scopes: scopes, GrantTypes: []string{"client_credentials"}}},
		{ID: "basic", Secrets: secrets, Policy: hour, Manifest: registry.Manifest{Name: "Basic", Scopes: scopes, GrantTypes: []string{"client_credentials"}}},
		{ID: "bot", Secrets: secrets, Policy: refreshing, Manifest: registry.Manifest{Name: "Bot", AuthMethod: inBody, Scopes: scopes, GrantTypes: []string{"client_credentials", "refresh_token"}}},
		{ID: "api", Secrets: secrets, Policy: registry.Policy{MayIntrospect: true}, Manifest: registry.Manifest{Name: "API", GrantTypes: []string{"client_credentials"}}},
	}
	if err := all.Validate(); err != nil {
		t.Fatal(err)
	}
	return someApps{all}
}
