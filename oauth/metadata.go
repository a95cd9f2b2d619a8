package oauth

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/registry"
)

// metadata makes the document of RFC 8414 from what is wired, so that nothing is advertised that is not
// there, and returns its handler.
func (s *Server) metadata(issuer *url.URL) http.HandlerFunc {
	origin := issuer.Scheme + "://" + issuer.Host
	methods := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	doc := map[string]any{"issuer": s.config.Issuer}
	grantTypes := []string{}
	if s.path.Authorize != "" {
		doc["authorization_endpoint"] = origin + s.path.Authorize
		doc["response_types_supported"] = []string{"code"}
		doc["response_modes_supported"] = []string{"query"}
		doc["code_challenge_methods_supported"] = []string{"S256"}
		doc["authorization_response_iss_parameter_supported"] = true
		doc["prompt_values_supported"] = []string{"none", "login", "consent"}
		grantTypes = append(grantTypes, "authorization_code")
	}
	if s.path.Token != "" {
		grantTypes = append(grantTypes, "refresh_token", "client_credentials")
		for name := range s.config.GrantTypes {
			grantTypes = append(grantTypes, name)
		}
		slices.Sort(grantTypes[1:])
		doc["grant_types_supported"] = grantTypes
	}
	for name, e := range map[string]struct {
		path   string
		public bool
	}{"token": {s.path.Token, true}, "introspection": {s.path.Introspect, false}, "revocation": {s.path.Revoke, true}} {
		if e.path == "" {
			continue
		}
		doc[name+"_endpoint"] = origin + e.path
		doc[name+"_endpoint_auth_methods_supported"] = methods
		if e.public {
			doc[name+"_endpoint_auth_methods_supported"] = append([]string{"none"}, methods...)
		}
		doc[name+"_endpoint_auth_signing_alg_values_supported"] = signingAlgorithms
	}
	if s.path.JWKS != "" {
		doc["jwks_uri"] = origin + s.path.JWKS
	}
	if scopes := s.scopes(); len(scopes) > 0 {
		doc["scopes_supported"] = scopes
	}
	body, err := json.Marshal(doc)
	if err != nil {
		panic("internal error: oauth: " + err.Error()) // strings only
	}
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("X-Content-Type-Options", "nosniff")
		w.Write(body)
	}
}

// scopes is scopes_supported.
func (s *Server) scopes() []string {
	if s.config.Scopes != nil {
		return s.config.Scopes
	}
	var scopes []string
	apps, _ := s.config.Apps.(registry.Static)
	for _, app := range apps {
		scopes = append(scopes, scope.Without(app.Manifest.Scopes, scopes)...)
	}
	slices.Sort(scopes)
	return scopes
}

// wellKnown returns where clients look for the metadata of an issuer whose path, without a final slash,
// is base: as RFC 8414, Section 3.1 says, and the two forms of OpenID Connect Discovery 1.0.
func wellKnown(base string) []string {
	paths := []string{"/.well-known/oauth-authorization-server" + base, "/.well-known/openid-configuration" + base}
	if base != "" {
		paths = append(paths, base+"/.well-known/openid-configuration")
	}
	return paths
}
