package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

const (
	publicScope = "public" // a user's name and tickets
	adminScope  = "admin"  // creates apps
)

// newServer is the whole platform: pages, OAuth endpoints, the public API and the back office.
func newServer(ctx context.Context, issuer string, records store.Store, log *slog.Logger) (http.Handler, error) {
	_, key, err := ed25519.GenerateKey(nil) // New asks for keys; of tokens that are handles, none is signed
	if err != nil {
		return nil, err
	}
	keys, err := token.NewKeys(token.Key{Signer: key})
	if err != nil {
		return nil, err
	}
	apps, err := registry.New(registry.Config{Store: records})
	if err != nil {
		return nil, err
	}
	if err := createApps(ctx, apps); err != nil {
		return nil, err
	}
	p := &pages{sessions: sessions{secure: strings.HasPrefix(issuer, "https:")}}
	audience := issuer + "/api"
	srv, err := oauth.New(oauth.Config{
		Issuer: issuer, Store: records, Keys: keys, Apps: apps,
		Profile:        profile.Doorkeeper(),
		Scopes:         []string{publicScope},
		Resources:      []string{audience},
		AccessLifetime: 2 * time.Hour,
		SignedIn:       p.signedIn,
		Interact:       p.interact,
		Observe: func(ctx context.Context, e oauth.Event) {
			log.InfoContext(ctx, "oauth", "event", e)
		},
	})
	if err != nil {
		return nil, err
	}
	header := resource.Config{
		Accept:     token.VerifierConfig{Issuer: issuer, Audience: audience},
		Introspect: srv.Introspect,
		Error:      refuse,
	}
	strict, err := resource.New(header)
	if err != nil {
		return nil, err
	}
	anywhere := header
	anywhere.FormBody = true
	anywhere.InsecureQuery = true // promised to the clients; the header is the one to recommend
	lenient, err := resource.New(anywhere)
	if err != nil {
		return nil, err
	}
	a := &api{apps: apps}
	public, admin := resource.Need{Scopes: []string{publicScope}}, resource.Need{Scopes: []string{adminScope}}
	mux := http.NewServeMux()
	mux.Handle("/", srv)
	for _, method := range []string{"GET", "POST"} { // POST is for a token in the body
		mux.Handle(method+" /api/public/me", lenient.Require(public, http.HandlerFunc(a.me)))
		mux.Handle(method+" /api/public/tickets", lenient.Require(public, http.HandlerFunc(a.tickets)))
	}
	mux.Handle("GET /oauth/token/info", strict.Require(resource.Need{}, http.HandlerFunc(a.tokenInfo)))
	mux.Handle("POST /admin/applications", strict.Require(admin, http.HandlerFunc(a.createApplication)))
	return http.MaxBytesHandler(mux, 64<<10), nil
}

// createApps creates the demonstration's apps.
func createApps(ctx context.Context, apps *registry.Registry) error {
	boxOffice := newApp("Box Office", "https://box-office.example/callback", true)
	boxOffice.ID, boxOffice.Secrets = "box-office", secret("box-office-secret")
	backOffice := &registry.App{
		ID: "back-office", Secrets: secret("back-office-secret"),
		Manifest: registry.Manifest{Name: "Back Office", AuthMethod: "client_secret_post",
			GrantTypes: []string{"client_credentials"}, Scopes: []string{adminScope}},
		Policy: registry.Policy{AccessLifetime: 10 * time.Minute},
	}
	for _, a := range []*registry.App{boxOffice, backOffice} {
		if err := apps.Create(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// newApp is what the platform lets other sites' apps be, still without id and secret.
func newApp(name, redirectURI string, insecureNoPKCE bool) *registry.App {
	return &registry.App{
		Manifest: registry.Manifest{
			Name: name, RedirectURIs: []string{redirectURI}, AuthMethod: "client_secret_post",
			// Required, so that it is what a request without scope asks for.
			Scopes: []string{publicScope}, RequiredScopes: []string{publicScope},
		},
		Policy: registry.Policy{InsecureNoPKCE: insecureNoPKCE},
	}
}

// secret keeps one of the demonstration's secrets. One that someone thought up can be guessed from its
// SHA-256; those of new apps are generated.
func secret(plain string) []registry.Secret {
	hash := sha256.Sum256([]byte(plain))
	return []registry.Secret{{ID: "1", Hash: hash[:]}}
}
