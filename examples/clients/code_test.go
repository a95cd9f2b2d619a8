package clients_test

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// verified returns the claims of an access token as go-oidc reads it with the keys that the metadata
// names, and the algorithm it was signed with.
func verified(t testing.TB, s *server, accessToken string, alg string) map[string]any {
	t.Helper()
	var metadata struct {
		JWKSURI string `json:"jwks_uri"`
	}
	// go-oidc looks for OpenID's document; an authorization server has RFC 8414's.
	a := get(t, wellKnown(t, s.issuer))
	if a.status != http.StatusOK || a.body["issuer"] != s.issuer {
		t.Fatalf("metadata: status %d, issuer %v, wanted %q", a.status, a.body["issuer"], s.issuer)
	}
	metadata.JWKSURI, _ = a.body["jwks_uri"].(string)
	keys := oidc.NewRemoteKeySet(t.Context(), metadata.JWKSURI)
	v := oidc.NewVerifier(s.issuer, keys, &oidc.Config{ClientID: s.audience(), SupportedSigningAlgs: []string{alg}})
	tok, err := v.Verify(t.Context(), accessToken)
	if err != nil {
		t.Fatalf("go-oidc refuses the access token: %v", err)
	}
	var claims map[string]any
	if err := tok.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// wellKnown is where RFC 8414 puts the metadata of an issuer.
func wellKnown(t testing.TB, issuer string) string {
	t.Helper()
	u, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/.well-known/oauth-authorization-server" + u.Path
	return u.String()
}

func get(t testing.TB, address string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r)
}

// The main job, for each kind of client.
func TestSignIn(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	for _, test := range []struct {
		name   string
		client *oauth2.Config
	}{
		{"a public client", cli(s, "read:events", "write:events")},
		{"a public client whose style is found by trying", client(s, "cli", "", loopback, oauth2.AuthStyleAutoDetect, "read:events", "write:events")},
		{"a confidential client with Basic", web(s, "read:events", "write:events")},
		{"a confidential client with Basic whose style is found by trying", client(s, "web", webSecret, site, oauth2.AuthStyleAutoDetect, "read:events", "write:events")},
		{"a confidential client with the secret in the body", client(s, "web-post", webSecret, site, oauth2.AuthStyleInParams, "read:events", "write:events")},
		{"a confidential client with the secret in the body whose style is found by trying", client(s, "web-post", webSecret, site, oauth2.AuthStyleAutoDetect, "read:events", "write:events")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tok := login(t, s, test.client)
			if tok.TokenType != "Bearer" || tok.RefreshToken == "" {
				t.Errorf("got a token of type %q, refresh token %t; wanted Bearer and one", tok.TokenType, tok.RefreshToken != "")
			}
			if left := time.Until(tok.Expiry); left < 14*time.Minute || left > 15*time.Minute {
				t.Errorf("the access token lives for %v, wanted 15 minutes", left)
			}
			claims := verified(t, s, tok.AccessToken, oidc.ES256)
			if claims["sub"] != ada || claims["client_id"] != test.client.ClientID {
				t.Errorf("the token is of %v for %v, wanted %q for %q", claims["sub"], claims["client_id"], ada, test.client.ClientID)
			}

			a := me(t, s, tok.AccessToken)
			if a.status != http.StatusOK {
				t.Fatalf("the API answers %d, %q", a.status, a.header.Get("WWW-Authenticate"))
			}
			for member, want := range map[string]any{"sub": ada, "client_id": test.client.ClientID, "tenant": "t1"} {
				if a.body[member] != want {
					t.Errorf("the API sees %s %v, wanted %v", member, a.body[member], want)
				}
			}
			if roles, _ := a.body["roles"].([]any); !slices.Equal(roles, []any{"organizer"}) {
				t.Errorf("the API sees roles %v, wanted organizer", a.body["roles"])
			}
			if scopes, _ := a.body["scopes"].([]any); len(scopes) != 2 {
				t.Errorf("the API sees scopes %v, wanted both", a.body["scopes"])
			}

			stale := *tok
			stale.Expiry = time.Now().Add(-time.Hour)
			next, err := test.client.TokenSource(t.Context(), &stale).Token()
			if err != nil {
				t.Fatalf("refresh: %v", err)
			}
			if next.AccessToken == tok.AccessToken || next.RefreshToken == tok.RefreshToken {
				t.Errorf("a refresh gave the same access token %t, refresh token %t", next.AccessToken == tok.AccessToken, next.RefreshToken == tok.RefreshToken)
			}
			if got := verified(t, s, next.AccessToken, oidc.ES256)["sub"]; got != ada {
				t.Errorf("the refreshed token is of %v, wanted %q", got, ada)
			}

			a = introspect(t, s, next.AccessToken)
			if a.body["active"] != true || a.body["sub"] != ada || a.body["client_id"] != test.client.ClientID {
				t.Errorf("introspection says %v, wanted ada's active token", a.body)
			}
		})
	}
}

// The first of the keys signs, and all are published.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := start(t, config(func(c map[string]any) { c["keys"] = []string{"EdDSA", "RS256", "ES384"} }))
	tok := login(t, s, web(s, "read:events"))
	verified(t, s, tok.AccessToken, oidc.EdDSA)
	keys, _ := get(t, s.issuer+"/app-registry/v1/oauth/jwks").body["keys"].([]any)
	if len(keys) != 3 {
		t.Errorf("%d keys are published, wanted 3", len(keys))
	}
}

// A server whose issuer has a path serves all below it, and its metadata where RFC 8414 puts it.
func TestIssuerWithPath(t *testing.T) {
	t.Parallel()
	addr := freeAddr(t)
	s := startAt(t, config(func(c map[string]any) {
		c["issuer"] = "http://" + addr + "/tenants/one"
		c["keys"] = []string{"RS256"}
	}), addr)
	tok := login(t, s, cli(s, "read:events"))
	verified(t, s, tok.AccessToken, oidc.RS256)
	if a := me(t, s, tok.AccessToken); a.status != http.StatusOK {
		t.Errorf("the API answers %d, wanted 200", a.status)
	}
	b := newBrowser(t)
	if p := b.open(s.issuer + "/"); p.status != http.StatusOK || p.title != "App registry" {
		t.Errorf("the home page: status %d, title %q", p.status, p.title)
	}
}

// An opaque token is worth what a JWT is.
func TestOpaqueToken(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	tok := login(t, s, client(s, "opaque", webSecret, site, oauth2.AuthStyleInHeader, "read:events"))
	if slices.Contains([]byte(tok.AccessToken), '.') {
		t.Error("the token looks like a JWT")
	}
	a := me(t, s, tok.AccessToken)
	if a.status != http.StatusOK || a.body["sub"] != ada {
		t.Errorf("the API answers %d, %v", a.status, a.body)
	}
	if a := introspect(t, s, tok.AccessToken); a.body["active"] != true {
		t.Errorf("introspection says %v, wanted active", a.body)
	}
}

func TestExchangeRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	b := newBrowser(t)
	for _, test := range []struct {
		name   string
		change func(c *oauth2.Config) []oauth2.AuthCodeOption // of the exchange
		status int
		code   string
	}{
		{"another verifier", func(c *oauth2.Config) []oauth2.AuthCodeOption {
			return []oauth2.AuthCodeOption{oauth2.VerifierOption(oauth2.GenerateVerifier())}
		}, http.StatusBadRequest, "invalid_grant"},
		{"a verifier that is too short", func(c *oauth2.Config) []oauth2.AuthCodeOption {
			return []oauth2.AuthCodeOption{oauth2.VerifierOption("short")}
		}, http.StatusBadRequest, "invalid_grant"},
		{"another redirect URI", func(c *oauth2.Config) []oauth2.AuthCodeOption {
			c.RedirectURL = site + "/"
			return nil
		}, http.StatusBadRequest, "invalid_grant"},
		{"a wrong secret", func(c *oauth2.Config) []oauth2.AuthCodeOption {
			c.ClientSecret = "wrong"
			return nil
		}, http.StatusUnauthorized, "invalid_client"},
		{"another client", func(c *oauth2.Config) []oauth2.AuthCodeOption {
			c.ClientID = "opaque"
			return nil
		}, http.StatusBadRequest, "invalid_grant"},
	} {
		t.Run(test.name+", and the code survives", func(t *testing.T) {
			c := web(s, "read:events")
			verifier := oauth2.GenerateVerifier()
			code := authorize(b, s, c, verifier)
			wrong := *c
			opts := append([]oauth2.AuthCodeOption{oauth2.VerifierOption(verifier)}, test.change(&wrong)...)
			_, err := wrong.Exchange(t.Context(), code, opts...)
			if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refusal.ErrorCode != test.code || refusal.Response.StatusCode != test.status {
				t.Errorf("Exchange: got %v, wanted %d %s", err, test.status, test.code)
			}
			if _, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier)); err != nil {
				t.Errorf("Exchange done right after that: %v", err)
			}
		})
	}
}

// A library that finds the style out by trying sends a public client's id as Basic with an empty secret
// first. That is refused and the code is still good.
func TestPublicClientWithBasicKeepsItsCode(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	verifier := oauth2.GenerateVerifier()
	c := cli(s, "read:events")
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {authorize(newBrowser(t), s, c, verifier)},
		"redirect_uri": {loopback}, "code_verifier": {verifier},
	}
	a := post(t, s.tokenURL(), "cli", "", form)
	if a.status != http.StatusUnauthorized || a.body["error"] != "invalid_client" || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("Basic with an empty secret: status %d, %v, challenge %q; wanted 401 invalid_client with a challenge", a.status, a.body["error"], a.header.Get("WWW-Authenticate"))
	}
	form.Set("client_id", "cli")
	if a := post(t, s.tokenURL(), "", "", form); a.status != http.StatusOK {
		t.Errorf("the same code with client_id in the body: status %d, %v; wanted 200", a.status, a.body["error"])
	}
}

// A code that comes back ends the tokens it gave.
func TestCodeReplayEndsTheTokens(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	c := web(s, "read:events")
	verifier := oauth2.GenerateVerifier()
	code := authorize(newBrowser(t), s, c, verifier)
	tok, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	other := *c
	other.ClientID = "opaque"
	if _, err := other.Exchange(t.Context(), code, oauth2.VerifierOption(verifier)); err == nil {
		t.Error("another client's replay succeeded")
	}
	if _, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(oauth2.GenerateVerifier())); err == nil {
		t.Error("a replay with another verifier succeeded")
	}
	if a := me(t, s, tok.AccessToken); a.status != http.StatusOK {
		t.Errorf("after replays that were not valid otherwise the API answers %d, wanted 200", a.status)
	}
	if _, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier)); err == nil {
		t.Error("a replay succeeded")
	}
	wantDead(t, s, tok.AccessToken, tok.RefreshToken)
}

func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
