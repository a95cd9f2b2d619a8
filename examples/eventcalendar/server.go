package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/token"
)

// The API's scopes, in the manner of a user pool's resource server: its identifier and a name.
const (
	readScope   = "calendar/read"
	reportScope = "calendar/report"
)

// server is the token service, the API and the report.
type server struct {
	http.Handler
	activity *activity
}

func newServer(issuer string, records store.Store, log *slog.Logger) (*server, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048) // RS256, as a user pool signs
	if err != nil {
		return nil, err
	}
	keys, err := token.NewKeys(token.Key{Signer: key})
	if err != nil {
		return nil, err
	}
	seen := newActivity(expected, time.Now)
	srv, err := oauth.New(oauth.Config{
		Issuer: issuer, Store: records, Keys: keys,
		Profile:        profile.Cognito(),
		Apps:           apps(),
		Resources:      []string{issuer + "/graphql"},
		AccessLifetime: time.Hour,
		Observe: func(ctx context.Context, e oauth.Event) {
			seen.observe(e)
			log.InfoContext(ctx, "oauth", "event", e)
		},
	})
	if err != nil {
		return nil, err
	}
	guard, err := resource.New(resource.Config{
		Accept: token.VerifierConfig{Issuer: issuer, Keys: keys, Types: []string{""}, InsecureAnyAudience: true},
		Error: func(w http.ResponseWriter, r *http.Request, e *resource.Error) {
			seen.refused(r, e)
			refuse(w, e)
		},
	})
	if err != nil {
		return nil, err
	}
	calendar, err := newCalendar()
	if err != nil {
		return nil, err
	}
	protect := func(scope string, h http.HandlerFunc) http.Handler {
		return guard.Require(resource.Need{Scopes: []string{scope}}, seen.count(h))
	}
	mux := http.NewServeMux()
	mux.Handle("/", srv)
	mux.Handle("POST /graphql", protect(readScope, calendar.serve))
	mux.Handle("GET /report", protect(reportScope, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		seen.print(w)
	}))
	return &server{mux, seen}, nil
}

// refuse answers as the API's documents say: 401 for whatever is wrong with a token, 403 for one without
// the scope.
func refuse(w http.ResponseWriter, e *resource.Error) {
	switch e.Status {
	case http.StatusForbidden:
		answer(w, e.Status, graphQLError("Forbidden", "FORBIDDEN"))
	case http.StatusServiceUnavailable:
		answer(w, e.Status, graphQLError("Service Unavailable", "SERVICE_UNAVAILABLE"))
	default:
		answer(w, http.StatusUnauthorized, graphQLError("Unauthorized", "UNAUTHENTICATED"))
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// apps are the demonstration's clients.
func apps() registry.Static {
	app := func(id, name, plain, scope string) registry.App {
		// Yours come from registry.NewSecret: a secret that someone thought up can be guessed from its SHA-256.
		hash := sha256.Sum256([]byte(plain))
		return registry.App{
			ID: id, Secrets: []registry.Secret{{ID: "1", Hash: hash[:]}},
			Manifest: registry.Manifest{Name: name, AuthMethod: "client_secret_post",
				GrantTypes: []string{"client_credentials"}, Scopes: []string{scope}},
		}
	}
	return registry.Static{
		app("city-guide", "City Guide", "city-guide-secret", readScope),
		app("news-desk", "News Desk", "news-desk-secret", readScope),
		app("operator", "Operator", "operator-secret", reportScope),
	}
}

// expected says from where each app calls. The second is elsewhere, so that the demonstration, which calls
// from this machine, has something to report.
var expected = map[string][]netip.Prefix{
	"city-guide": loopback,
	"news-desk":  {netip.MustParsePrefix("192.0.2.0/24")},
	"operator":   loopback,
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
