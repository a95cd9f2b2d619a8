package clients_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	for _, test := range []struct {
		name, id string
		style    oauth2.AuthStyle
	}{
		{"with Basic", "job", oauth2.AuthStyleInHeader},
		{"with Basic found by trying", "job", oauth2.AuthStyleAutoDetect},
		{"with the secret in the body", "job-post", oauth2.AuthStyleInParams},
		{"with the secret in the body found by trying", "job-post", oauth2.AuthStyleAutoDetect},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := clientcredentials.Config{ClientID: test.id, ClientSecret: webSecret, TokenURL: s.tokenURL(), AuthStyle: test.style, Scopes: []string{"read:events"}}
			tok, err := c.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if tok.RefreshToken != "" {
				t.Error("there is a refresh token")
			}
			if claims := verified(t, s, tok.AccessToken, "ES256"); claims["sub"] != test.id || claims["client_id"] != test.id {
				t.Errorf("the token is of %v for %v, wanted %q", claims["sub"], claims["client_id"], test.id)
			}
			a := me(t, s, tok.AccessToken)
			if roles, _ := a.body["roles"].([]any); a.status != http.StatusOK || len(roles) != 0 {
				t.Errorf("the API answers %d and sees roles %v, wanted 200 and none", a.status, a.body["roles"])
			}
		})
	}
	t.Run("without scope it gets all of the app's, and is told", func(t *testing.T) {
		c := clientcredentials.Config{ClientID: "job", ClientSecret: webSecret, TokenURL: s.tokenURL()}
		tok, err := c.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := words(tok.Extra("scope")); !slices.Equal(got, []string{"read:events", "write:events"}) {
			t.Errorf("the answer says scope %v, wanted both", got)
		}
	})
	for _, test := range []struct {
		name   string
		config clientcredentials.Config
		status int
		code   string
	}{
		{"a wrong secret", clientcredentials.Config{ClientID: "job", ClientSecret: "wrong", AuthStyle: oauth2.AuthStyleInHeader}, http.StatusUnauthorized, "invalid_client"},
		{"an unknown client", clientcredentials.Config{ClientID: "nobody", ClientSecret: webSecret, AuthStyle: oauth2.AuthStyleInHeader}, http.StatusUnauthorized, "invalid_client"},
		{"another method than the registered one", clientcredentials.Config{ClientID: "job", ClientSecret: webSecret, AuthStyle: oauth2.AuthStyleInParams}, http.StatusUnauthorized, "invalid_client"},
		{"an app that may not", clientcredentials.Config{ClientID: "web", ClientSecret: webSecret, AuthStyle: oauth2.AuthStyleInHeader}, http.StatusBadRequest, "unauthorized_client"},
		{"a scope the app may not have", clientcredentials.Config{ClientID: "job", ClientSecret: webSecret, AuthStyle: oauth2.AuthStyleInHeader, Scopes: []string{"admin:everything"}}, http.StatusBadRequest, "invalid_scope"},
	} {
		t.Run(test.name+" is refused", func(t *testing.T) {
			test.config.TokenURL = s.tokenURL()
			_, err := test.config.Token(t.Context())
			if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refusal.ErrorCode != test.code || refusal.Response.StatusCode != test.status {
				t.Errorf("Token: got %v, wanted %d %s", err, test.status, test.code)
			}
		})
	}
}

// A client that signs instead of keeping a secret (RFC 7523, Section 2.2).
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: "k1", Algorithm: "ES256", Use: "sig"}
	s := start(t, config(func(c map[string]any) {
		c["apps"] = append(c["apps"].([]map[string]any), map[string]any{
			"id": "signer", "name": "Signer", "auth_method": "private_key_jwt", "grant_types": []string{"client_credentials"},
			"scopes": []string{"read:events"}, "jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{jwk.Public()}},
		})
	}))
	assertion := func(signer *ecdsa.PrivateKey, audience string, expires time.Time) string {
		sig, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: signer, KeyID: "k1"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := json.Marshal(map[string]any{"iss": "signer", "sub": "signer", "aud": audience,
			"jti": rand.Text(), "iat": time.Now().Unix(), "exp": expires.Unix()})
		if err != nil {
			t.Fatal(err)
		}
		jws, err := sig.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	token := func(assertion string) (*oauth2.Token, error) {
		c := clientcredentials.Config{ClientID: "signer", TokenURL: s.tokenURL(), AuthStyle: oauth2.AuthStyleInParams, EndpointParams: url.Values{
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion":      {assertion},
		}}
		return c.Token(t.Context())
	}

	soon := time.Now().Add(time.Minute)
	once := assertion(key, s.issuer, soon)
	tok, err := token(once)
	if err != nil {
		t.Fatal(err)
	}
	if a := me(t, s, tok.AccessToken); a.status != http.StatusOK || a.body["sub"] != "signer" {
		t.Errorf("the API answers %d, %v", a.status, a.body)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"an assertion used before":        once,
		"another key's assertion":         assertion(stranger, s.issuer, soon),
		"an assertion for someone else":   assertion(key, "https://elsewhere.example", soon),
		"an assertion that has expired":   assertion(key, s.issuer, time.Now().Add(-10*time.Minute)),
		"an assertion that is not a JWT":  "x.y.z",
		"an assertion for the token path": assertion(key, s.tokenURL(), soon),
	} {
		if _, err := token(bad); err == nil {
			t.Errorf("%s is accepted", name)
		} else if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); !ok || refusal.ErrorCode != "invalid_client" {
			t.Errorf("%s: got %v, wanted invalid_client", name, err)
		}
	}
}
