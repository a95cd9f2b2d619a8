package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// What a partner may do.
const (
	readBookings  = "bookings.read"
	writeBookings = "bookings.write"
)

// newServer is the whole service: the endpoints under /connect/ and the API under /api/.
func newServer(issuer string, records store.Store, log *slog.Logger) (http.Handler, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	keys, err := token.NewKeys(token.Key{Signer: key})
	if err != nil {
		return nil, err
	}
	audience := issuer + "/api"
	srv, err := oauth.New(oauth.Config{
		Issuer: issuer, Store: records, Keys: keys,
		Profile:        profile.IdentityServer(),
		Apps:           apps(audience),
		Resources:      []string{audience},
		AccessLifetime: time.Hour,
		Observe: func(ctx context.Context, e oauth.Event) {
			log.InfoContext(ctx, "oauth", "event", e)
		},
	})
	if err != nil {
		return nil, err
	}
	guard, err := resource.New(resource.Config{
		Accept:     token.VerifierConfig{Issuer: issuer, Audience: audience},
		Introspect: srv.Introspect,
		// The service's own documents spell the header the British way, and their readers send it so.
		Headers: []string{"Authorization", "Authorisation"},
		Error:   refuse,
	})
	if err != nil {
		return nil, err
	}
	b := new(bookings)
	b.add("channel-manager", booking{Guest: "Grace Hopper", Room: "12", From: "2030-05-01", To: "2030-05-04"})

	mux := http.NewServeMux()
	mux.Handle("/", srv)
	mux.Handle("GET /api/bookings", guard.Require(resource.Need{Scopes: []string{readBookings}}, http.HandlerFunc(b.serveList)))
	mux.Handle("POST /api/bookings", guard.Require(resource.Need{Scopes: []string{writeBookings}}, http.HandlerFunc(b.serveAdd)))
	return mux, nil
}

// apps are the demonstration's clients.
func apps(audience string) registry.Static {
	partner := registry.Manifest{
		AuthMethod: "client_secret_post",
		GrantTypes: []string{"client_credentials", "refresh_token"},
		Scopes:     []string{readBookings, writeBookings},
	}
	manager, reports := partner, partner
	manager.Name, reports.Name = "Channel Manager", "Nightly Reports"
	reports.Scopes = []string{readBookings}
	return registry.Static{
		{
			ID: "channel-manager", Manifest: manager, Secrets: secret("channel-manager-secret"),
			// Its client was written for a service that gave one, and cannot do without. What that costs
			// is said at the field; every other app gets along with its secret.
			Policy: registry.Policy{InsecureRefreshForClientCredentials: true},
		},
		{
			// It may use refresh tokens, as far as its manifest goes, and never gets one: the policy decides.
			ID: "nightly-reports", Manifest: reports, Secrets: secret("nightly-reports-secret"),
		},
		{
			// The API itself, for where it is another program: it asks about tokens meant for it.
			ID: "bookings-api", Secrets: secret("bookings-api-secret"),
			Manifest: registry.Manifest{Name: "Bookings API", GrantTypes: []string{"client_credentials"}}, // and no scope: its own tokens are good for nothing
			Policy:   registry.Policy{MayIntrospect: true, Resources: []string{audience}},
		},
	}
}

// secret keeps one of the demonstration's secrets. Yours come from registry.NewSecret: one that someone
// thought up can be guessed from its SHA-256.
func secret(plain string) []registry.Secret {
	hash := sha256.Sum256([]byte(plain))
	return []registry.Secret{{ID: "1", Hash: hash[:]}}
}
