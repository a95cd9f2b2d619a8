package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/oauthcore/oauthcore/internal/scope"
)

// Manifest is what a developer writes and a reviewer reads: client metadata by the names of RFC 7591,
// Section 2. A zero Manifest is that of an app never published.
type Manifest struct {
	Name           string          `json:"client_name,omitzero"` // one line, at most 100 bytes; an app that people let in needs one
	Description    string          `json:"description,omitzero"` // at most 4,000 bytes
	LogoURI        string          `json:"logo_uri,omitzero"`    // this and the next three are https
	ClientURI      string          `json:"client_uri,omitzero"`
	PolicyURI      string          `json:"policy_uri,omitzero"`
	TOSURI         string          `json:"tos_uri,omitzero"`
	Contacts       []string        `json:"contacts,omitempty"`                  // email addresses, at most 10
	Categories     []string        `json:"categories,omitempty"`                // of the directory, at most 10 of 64 bytes
	RedirectURIs   []string        `json:"redirect_uris,omitempty"`             // at most 32: see [Manifest.AllowsRedirect]
	GrantTypes     []string        `json:"grant_types,omitempty"`               // none: authorization_code and refresh_token
	AuthMethod     string          `json:"token_endpoint_auth_method,omitzero"` // "none" for a public app; empty: client_secret_basic
	JWKS           json.RawMessage `json:"jwks,omitempty"`                      // public keys, at most 16; excludes JWKSURI
	JWKSURI        string          `json:"jwks_uri,omitzero"`                   // https; excludes JWKS
	Scopes         []string        `json:"scopes,omitempty"`                    // all it may ever ask for, at most 100 of 256 bytes
	RequiredScopes []string        `json:"required_scopes,omitempty"`           // those of Scopes it cannot work without
}

const (
	maxName        = 100
	maxDescription = 4000
	maxContacts    = 10
	maxCategories  = 10
	maxCategory    = 64
	maxRedirects   = 32
	maxGrantTypes  = 16
	maxManifest    = 24 << 10 // as JSON: an app's record holds two, and 64 KiB in all
)

// Public reports whether the app has no credential of its own (RFC 6749, Section 2.1).
func (m *Manifest) Public() bool { return m.AuthMethod == "none" }

// AllowsAuth reports whether the app authenticates by that method, one of those that OAuth registers as
// token_endpoint_auth_method.
func (m *Manifest) AllowsAuth(method string) bool {
	if m.AuthMethod == "" {
		return method == "client_secret_basic"
	}
	return method == m.AuthMethod
}

// AllowsGrant reports whether the app may use that grant type.
func (m *Manifest) AllowsGrant(grantType string) bool {
	if len(m.GrantTypes) == 0 {
		return grantType == "authorization_code" || grantType == "refresh_token"
	}
	return slices.Contains(m.GrantTypes, grantType)
}

// empty reports whether m is the manifest of an app never published.
func (m *Manifest) empty() bool {
	return m.Name == "" && len(m.RedirectURIs) == 0 && len(m.GrantTypes) == 0 && len(m.Scopes) == 0
}

// Validate returns every fault of m, joined, each with the name of the member it is in. The manifest as
// JSON has at most 24 KiB, so that the one in force and the next fit a record.
func (m *Manifest) Validate() error { return m.faults().join("registry: ") }

func (m *Manifest) faults() (f faults) {
	f.add("client_name", checkText(m.Name, maxName, false))
	f.add("description", checkText(m.Description, maxDescription, true))
	f.add("logo_uri", checkHTTPS(m.LogoURI))
	f.add("client_uri", checkHTTPS(m.ClientURI))
	f.add("policy_uri", checkHTTPS(m.PolicyURI))
	f.add("tos_uri", checkHTTPS(m.TOSURI))
	f.add("contacts", checkContacts(m.Contacts))
	f.add("categories", checkCategories(m.Categories))
	f.add("redirect_uris", checkRedirects(m.RedirectURIs))
	f.add("grant_types", m.checkGrantTypes())
	f.add("token_endpoint_auth_method", m.checkAuthMethod())
	f.add("jwks", checkJWKS(m.JWKS))
	f.add("jwks_uri", checkHTTPS(m.JWKSURI))
	f.add("scopes", checkScopes(m.Scopes))
	f.add("required_scopes", checkScopes(m.RequiredScopes))
	if m.AllowsGrant("authorization_code") {
		if m.Name == "" {
			f.add("client_name", errors.New("is empty, and people are asked to let the app in by name"))
		}
		if len(m.RedirectURIs) == 0 {
			f.add("redirect_uris", errors.New("is empty, and authorization_code needs one"))
		}
	}
	if m.JWKS != nil && m.JWKSURI != "" {
		f.add("jwks_uri", errors.New("excludes jwks"))
	}
	if extra := scope.Without(m.RequiredScopes, m.Scopes); len(extra) > 0 {
		f.add("required_scopes", fmt.Errorf("has %.100q, which scopes does not", extra[0]))
	}
	if len(f) == 0 {
		if b, err := json.Marshal(m); err != nil || len(b) > maxManifest {
			f.add("manifest", fmt.Errorf("got %d bytes as JSON, wanted at most %d", len(b), maxManifest))
		}
	}
	return f
}

func (m *Manifest) checkGrantTypes() error {
	if len(m.GrantTypes) > maxGrantTypes {
		return fmt.Errorf("got %d, wanted at most %d", len(m.GrantTypes), maxGrantTypes)
	}
	for i, g := range m.GrantTypes {
		switch g {
		case "authorization_code", "refresh_token":
		case "client_credentials":
			if m.Public() {
				return errors.New("has client_credentials, which a public app does not have")
			}
		default: // RFC 6749, Section 4.5
			if checkAbsolute(g) != nil {
				return fmt.Errorf("got %q, wanted authorization_code, refresh_token, client_credentials or an absolute URI", g)
			}
		}
		if slices.Contains(m.GrantTypes[:i], g) {
			return fmt.Errorf("%q comes twice", g)
		}
	}
	return nil
}

func (m *Manifest) checkAuthMethod() error {
	switch m.AuthMethod {
	case "", "none", "client_secret_basic", "client_secret_post":
		return nil
	case "private_key_jwt":
		if m.JWKS == nil && m.JWKSURI == "" {
			return errors.New("is private_key_jwt, which needs jwks or jwks_uri")
		}
		return nil
	}
	return fmt.Errorf("got %q, wanted none, client_secret_basic, client_secret_post or private_key_jwt", m.AuthMethod)
}
