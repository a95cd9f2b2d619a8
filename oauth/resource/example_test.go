package resource_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

func ExampleGuard_Require() {
	// The issuer's side, in a process of its own elsewhere.
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := token.NewKeys(token.Key{Signer: key})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now()
	jwt, err := keys.Sign(&token.Claims{
		Issuer: "https://auth.example.com", Subject: "olga", Audience: []string{"https://api.example.com"},
		ClientID: "app", ID: "1", IssuedAt: now, Expires: now.Add(time.Minute), Scopes: []string{"read:events"},
	})
	if err != nil {
		log.Fatal(err)
	}

	// The API's side. It could name the key set's URL, or discover it, as well.
	g, err := resource.New(resource.Config{
		Accept: token.VerifierConfig{
			Issuer: "https://auth.example.com", Audience: "https://api.example.com", JWKS: keys.JWKS(now),
		},
		Metadata: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(g.Metadata())
	mux.Handle("GET /events", g.Require(resource.Need{Scopes: []string{"read:events"}},
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintln(w, "hello", resource.Claims(r.Context()).Subject)
		})))

	r := httptest.NewRequest("GET", "/events", nil)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))

	r.Header.Set("Authorization", "Bearer "+jwt)
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 401 Bearer realm="https://api.example.com", scope="read:events", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"
	// 200 hello olga
}

// A need names each scope on its own: two in one string are a scope that no token can have.
func ExampleGuard_Require_incorrect() {
	g, err := resource.New(resource.Config{
		Accept:     token.VerifierConfig{Issuer: "https://auth.example.com", Audience: "https://api.example.com"},
		Introspect: func(context.Context, string) (*token.Claims, error) { return nil, token.ErrInvalid },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { fmt.Println(recover()) }()
	g.Require(resource.Need{Scopes: []string{"read:events write:events"}}, http.NotFoundHandler())
	// Output:
	// resource: Need.Scopes: "read:events write:events" is not a scope (RFC 6749, Section 3.3)
}

// An API whose tokens are opaque asks the issuer, and lets revocations take effect within a minute.
func ExampleRemote() {
	introspect, err := resource.Remote("https://auth.example.com/introspect", "api", "the API's own secret", nil)
	if err != nil {
		log.Fatal(err)
	}
	g, err := resource.New(resource.Config{
		Accept:     token.VerifierConfig{Issuer: "https://auth.example.com", Audience: "https://api.example.com"},
		Introspect: introspect,
		CacheFor:   time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("GET /events", g.Require(resource.Need{Scopes: []string{"read:events"}}, http.NotFoundHandler()))
}
