package profile_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

// newServer returns a server that speaks p, and the secret of its one app, "importer".
func newServer(p *oauth.Profile) (srv *oauth.Server, appSecret string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := token.NewKeys(token.Key{Signer: key})
	if err != nil {
		log.Fatal(err)
	}
	appSecret, hashed := registry.NewSecret(time.Now())
	srv, err = oauth.New(oauth.Config{
		Issuer:  "https://auth.example.com",
		Store:   memory.New(),
		Keys:    keys,
		Profile: p,
		Apps: registry.Static{{
			ID:      "importer",
			Secrets: []registry.Secret{hashed},
			Manifest: registry.Manifest{Name: "Importer", AuthMethod: "client_secret_post", Scopes: []string{"calendar/read"},
				GrantTypes: []string{"client_credentials"}},
		}},
		Resources:      []string{"https://api.example.com"},
		AccessLifetime: time.Hour,
	})
	if err != nil {
		log.Fatal(err)
	}
	return srv, appSecret
}

// post sends a body and returns the members of the answer.
func post(srv *oauth.Server, path, contentType, body string) map[string]any {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	srv.ServeHTTP(w, r)
	var members map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil {
		log.Fatal(err)
	}
	return members
}

func names(members map[string]any) []string { return slices.Sorted(maps.Keys(members)) }

// The client sends JSON where the RFC has a form.
func ExampleJSON() {
	srv, secret := newServer(profile.JSON())
	answer := post(srv, "/token", "application/json",
		`{"grant_type":"client_credentials","client_id":"importer","client_secret":"`+secret+`"}`)
	fmt.Println(answer["token_type"], answer["expires_in"], answer["scope"])

	answer = post(srv, "/token", "application/json", `{"grant_type":["client_credentials"]}`)
	fmt.Println(answer["error_description"])
	// Output:
	// Bearer 3600 calendar/read
	// the body is JSON with a member that is not a string
}

// An API accepts the tokens of a user pool: they have neither type nor audience, so the scope, which bears
// the API's identifier, says whom they are for.
func ExampleCognito() {
	srv, secret := newServer(profile.Cognito())
	answer := post(srv, "/oauth2/token", "application/x-www-form-urlencoded",
		"grant_type=client_credentials&client_id=importer&client_secret="+secret+"&scope=calendar/read")
	fmt.Println(names(answer))

	jwks := httptest.NewRecorder()
	srv.ServeHTTP(jwks, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	guard, err := resource.New(resource.Config{Accept: token.VerifierConfig{
		Issuer: "https://auth.example.com", JWKS: jwks.Body.Bytes(), Types: []string{""}, InsecureAnyAudience: true}})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/events", nil)
	r.Header.Set("Authorization", "Bearer "+answer["access_token"].(string))
	claims, err := guard.Check(r, resource.Need{Scopes: []string{"calendar/read"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, string(claims.Extra["token_use"]))

	fmt.Println(post(srv, "/oauth2/token", "application/x-www-form-urlencoded",
		"grant_type=client_credentials&client_id=importer&client_secret=guessed&scope=calendar/read"))
	// Output:
	// [access_token expires_in token_type]
	// importer "access"
	// map[error:invalid_client]
}

// The host serves /oauth/token/info, which tells a client about the token that it sends.
func ExampleDoorkeeper() {
	srv, secret := newServer(profile.Doorkeeper())
	tokenInfo := func(w http.ResponseWriter, r *http.Request) {
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		c, err := srv.Introspect(r.Context(), bearer)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case errors.Is(err, token.ErrInvalid):
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			json.NewEncoder(w).Encode(map[string]any{"error": "invalid_token"})
			return
		case err != nil:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var owner any // null for an app that acts for itself
		if c.Subject != c.ClientID {
			owner = c.Subject
		}
		json.NewEncoder(w).Encode(map[string]any{
			"resource_owner_id": owner,
			"scope":             c.Scopes,
			"expires_in":        int(time.Until(c.Expires).Seconds()),
			"application":       map[string]any{"uid": c.ClientID},
			"created_at":        c.IssuedAt.Unix(),
		})
	}

	answer := post(srv, "/oauth/token", "application/json",
		`{"grant_type":"client_credentials","client_id":"importer","client_secret":"`+secret+`"}`)
	access := answer["access_token"].(string)
	fmt.Println(len(access), names(answer))

	r := httptest.NewRequest("GET", "/oauth/token/info", nil)
	r.Header.Set("Authorization", "Bearer "+access)
	w := httptest.NewRecorder()
	tokenInfo(w, r)
	var info map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &info); err != nil {
		log.Fatal(err)
	}
	fmt.Println(info["application"], info["scope"], info["resource_owner_id"])
	// Output:
	// 64 [access_token created_at expires_in scope token_type]
	// map[uid:importer] [calendar/read] <nil>
}

// An API takes the token from a header that its documents spell in their own way.
func ExampleIdentityServer() {
	srv, secret := newServer(profile.IdentityServer())
	answer := post(srv, "/connect/token", "application/json",
		`{"grant_type":"client_credentials","client_id":"importer","client_secret":"`+secret+`"}`)
	fmt.Println(names(answer))

	guard, err := resource.New(resource.Config{
		Accept:     token.VerifierConfig{Issuer: "https://auth.example.com", Audience: "https://api.example.com"},
		Introspect: srv.Introspect,
		Headers:    []string{"Authorization", "Authorisation"},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/bookings", nil)
	r.Header.Set("Authorisation", "Bearer "+answer["access_token"].(string))
	claims, err := guard.Check(r, resource.Need{Scopes: []string{"calendar/read"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.ClientID)
	// Output:
	// [access_token expires_in scope token_type]
	// importer
}
