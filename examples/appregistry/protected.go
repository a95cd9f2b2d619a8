package main

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

// protected is the protected API: one route that tells the caller who it is.
type protected struct {
	guard    *resource.Guard
	base     string
	metadata bool // serves the RFC 9728 document; not if the resource is on another origin
}

// newProtected guards the API with tokens for the first of the server's resources. It asks the server about
// each of them, in process, so that a revoked token is refused at once and an opaque one is understood.
func newProtected(s *server, keys *token.Keys) (*protected, error) {
	a := &protected{base: s.base, metadata: sameOrigin(s.issuer, s.resources[0])}
	var err error
	a.guard, err = resource.New(resource.Config{
		Accept:     token.VerifierConfig{Issuer: s.issuer, Audience: s.resources[0], Keys: keys},
		Introspect: s.oauth.Introspect,
		Metadata:   a.metadata,
	})
	return a, err
}

func (a *protected) register(mux *http.ServeMux) {
	mux.Handle("GET "+a.base+"/api/me", a.guard.Require(resource.Need{}, http.HandlerFunc(me)))
	if a.metadata {
		mux.Handle(a.guard.Metadata())
	}
}

// sameOrigin reports whether two URLs have the same scheme, host and port.
func sameOrigin(a, b string) bool {
	u, err := url.Parse(a)
	if err != nil {
		return false
	}
	v, err := url.Parse(b)
	return err == nil && u.Scheme == v.Scheme && u.Host == v.Host
}

// me answers GET /api/me with what the token says.
func me(w http.ResponseWriter, r *http.Request) {
	c := resource.Claims(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(struct {
		Subject string   `json:"sub"`
		Client  string   `json:"client_id"`
		Tenant  string   `json:"tenant,omitempty"`
		Scopes  []string `json:"scopes"`
		Roles   []string `json:"roles"`
	}{c.Subject, c.ClientID, c.Tenant, append([]string{}, c.Scopes...), append([]string{}, c.Roles...)})
}
