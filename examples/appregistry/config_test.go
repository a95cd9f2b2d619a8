package main

import (
	"crypto/sha256"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
)

func TestParseConfig(t *testing.T) {
	t.Parallel()
	got, err := parseConfig([]byte(`{
		"issuer": "https://auth.example.com/one",
		"users": [{"email": "Ada@Example.com", "password": "correct horse", "name": "Ada", "tenant": "t1", "tenants": ["t2"], "roles": ["organizer", "admin"]}],
		"apps": [{
			"id": "web", "name": "Web", "secret": "change me", "auth_method": "client_secret_post",
			"redirect_uris": ["https://web.example/cb"], "grant_types": ["authorization_code"], "scopes": ["read:events"],
			"resources": ["https://api.example.com"], "opaque": true, "access_lifetime": "5m", "refresh_lifetime": "48h",
			"may_introspect": true, "first_party": true
		}, {
			"id": "signer", "auth_method": "private_key_jwt", "jwks": {"keys": []}
		}],
		"scopes": {"read:events": "See your events"},
		"resources": ["https://api.example.com"],
		"refresh_grace": "5s",
		"access_lifetime": "1h",
		"keys": ["ES256", "RS256"],
		"features": {"login_api": false},
		"allow_loopback_resources": true
	}`))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte("change me"))
	want := &config{
		Issuer: "https://auth.example.com/one",
		Users:  []user{{Email: "ada@example.com", Password: "correct horse", Name: "Ada", Tenant: "t1", Tenants: []string{"t2"}, Roles: []string{"organizer", "admin"}}},
		Apps: []registry.App{{
			ID:      "web",
			Secrets: []registry.Secret{{ID: "configured", Hash: hash[:]}},
			Manifest: registry.Manifest{Name: "Web", AuthMethod: "client_secret_post", RedirectURIs: []string{"https://web.example/cb"},
				GrantTypes: []string{"authorization_code"}, Scopes: []string{"read:events"}},
			Policy: registry.Policy{Resources: []string{"https://api.example.com"}, Opaque: true, AccessLifetime: 5 * time.Minute,
				RefreshLifetime: 48 * time.Hour, MayIntrospect: true, FirstParty: true},
		}, {
			ID:       "signer",
			Manifest: registry.Manifest{Name: "signer", AuthMethod: "private_key_jwt", JWKS: json.RawMessage(`{"keys": []}`)},
		}},
		Scopes:            map[string]string{"read:events": "See your events"},
		Resources:         []string{"https://api.example.com"},
		LoopbackResources: true,
		RefreshGrace:      5 * time.Second,
		AccessLifetime:    time.Hour,
		Keys:              []string{"ES256", "RS256"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parseConfig:\ngot  %+v\nwant %+v", got, want)
	}
}

func TestParseConfigDefaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		doc   string
		grace time.Duration
	}{
		{`{}`, 0},
		{`{"refresh_grace": "0s"}`, -1},
		{`{"refresh_grace": "1m"}`, time.Minute},
	} {
		c, err := parseConfig([]byte(test.doc))
		if err != nil {
			t.Errorf("parseConfig(%s): %v", test.doc, err)
			continue
		}
		if c.RefreshGrace != test.grace {
			t.Errorf("parseConfig(%s): got grace %v, wanted %v", test.doc, c.RefreshGrace, test.grace)
		}
		if !c.LoginAPI || c.Demonstration || c.Keys != nil {
			t.Errorf("parseConfig(%s): got login API %t, demonstration %t, keys %v; wanted true, false, none", test.doc, c.LoginAPI, c.Demonstration, c.Keys)
		}
	}
}

func TestParseConfigFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		doc  string
		want string // the whole error
	}{
		{`{"isuer": ""}`, `isuer: unknown member`},
		{`{"Issuer": ""}`, `Issuer: unknown member`},
		{`{"users": [{"email": "a@b", "password": "p", "role": []}]}`, `users[0].role: unknown member`},
		{`{"apps": [{"id": "a", "secret": "s"}, {"id": "b", "secret": "s"}, {"id": "c", "secret": "s", "redirct_uris": []}]}`, `apps[2].redirct_uris: unknown member`},
		{`{"features": {"telepathy": true}}`, `features.telepathy: unknown member`},
		{`{"issuer": "a", "issuer": "b"}`, `issuer: member is there twice`},
		{`{"scopes": {"x": "a", "x": "b"}}`, `scopes.x: member is there twice`},
		{`{"issuer": 1}`, `issuer: got a number, wanted a string`},
		{`{"issuer": null}`, `issuer: got null, wanted a string`},
		{`{"apps": {}}`, `apps: got an object, wanted an array`},
		{`{"apps": ["a"]}`, `apps[0]: got a string, wanted an object`},
		{`{"keys": ["ES256", null]}`, `keys[1]: got null, wanted a string`},
		{`{"keys": ["HS256"]}`, `keys[0]: got "HS256", wanted one of ES256, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512`},
		{`{"scopes": {"x": true}}`, `scopes.x: got a boolean, wanted a string`},
		{`{"features": {"login_api": "yes"}}`, `features.login_api: got a string, wanted a boolean`},
		{`{"features": []}`, `features: got an array, wanted an object`},
		{`{"refresh_grace": 10}`, `refresh_grace: got a number, wanted a string`},
		{`{"refresh_grace": "10"}`, `refresh_grace: got "10", wanted a duration such as "10s" or "1h"`},
		{`{"refresh_grace": "-1s"}`, `refresh_grace: got "-1s", wanted a duration such as "10s" or "1h"`},
		{`{"access_lifetime": "0s"}`, `access_lifetime: got zero, wanted a lifetime`},
		{`{"users": [{"name": "x"}]}`, "users[0].email: missing\nusers[0].password: missing"},
		{`{"users": [{"email": "a@b", "password": "p"}, {"email": "A@b", "password": "p"}]}`, `users[1].email: got "a@b", which users[0].email is too`},
		{`{"users": [{"email": "a@b", "password": "p"}], "apps": [{"id": "a@b", "auth_method": "none"}]}`, `apps[0].id: got "a@b", which users[0].email is too`},
		{`{"apps": [{"id": "a"}]}`, `apps[0].secret: missing; an app without one says "auth_method": "none"`},
		{`{"apps": [{"id": "a", "auth_method": "none", "secret": "x"}]}`, `apps[0].secret: an app with auth_method "none" has none`},
		{`[]`, `the document: got an array, wanted an object`},
		{"{\n\"issuer\": \"a\",\n}", `line 3: invalid character '}' looking for beginning of object key string`},
		{`{} {}`, `line 1: invalid character '{' after top-level value`},
		{``, `line 1: unexpected end of JSON input`},
		{
			`{"isuer": "", "keys": [1], "apps": [{"id": "a", "auth_method": "none", "opaque": 1}]}`,
			"keys[0]: got a number, wanted a string\napps[0].opaque: got a number, wanted a boolean\nisuer: unknown member",
		},
	} {
		c, err := parseConfig([]byte(test.doc))
		if err == nil || err.Error() != test.want {
			t.Errorf("parseConfig(%s)\ngot  %v\nwant %s", test.doc, err, test.want)
		}
		if c != nil && err != nil {
			t.Errorf("parseConfig(%s): got a configuration together with an error", test.doc)
		}
	}
}

// No document makes it panic or give half a configuration.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"issuer": "a", "users": [{"email": "a@b", "password": "p"}], "apps": [{"id": "a", "secret": "s", "jwks": {}}]}`))
	f.Add([]byte(`{"apps": [[]], "scopes": {"": ""}, "features": {"login_api": 0}, "keys": [""], "refresh_grace": "1s"}`))
	f.Add([]byte(" \n[null]"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := parseConfig(doc)
		if (c == nil) != (err != nil) {
			t.Errorf("parseConfig(%q) = %v, %v; wanted one of both", doc, c, err)
		}
	})
}

// The configuration in README.md is one that the program runs with.
func TestReadmeConfiguration(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(readme)
	if block == nil {
		t.Fatal("README.md has no JSON block")
	}
	conf, err := parseConfig(block[1])
	if err != nil {
		t.Fatalf("parseConfig of the README's configuration: %v", err)
	}
	if _, err := newServer(t.Context(), conf, memory.New(), testSecrets(t), discard); err != nil {
		t.Errorf("newServer of the README's configuration: %v", err)
	}
}

// Errors of newServer reach the operator with the place that is wrong.
func TestNewServerRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, doc, want string
	}{
		{"an issuer that is neither https nor loopback", `{"issuer": "http://auth.example.com"}`, "http://auth.example.com"},
		{"an issuer with braces in its path", `{"issuer": "http://127.0.0.1/{x}"}`, "braces"},
		{"an issuer with an unclean path", `{"issuer": "http://127.0.0.1/a/../b"}`, "clean"},
		{"an app with a redirect that is not allowed", `{"issuer": "http://127.0.0.1", "apps": [{"id": "a", "auth_method": "none", "redirect_uris": ["http://evil.example/cb"]}]}`, "http://evil.example/cb"},
		{"an app with an unknown authentication method", `{"issuer": "http://127.0.0.1", "apps": [{"id": "a", "auth_method": "wave", "redirect_uris": ["https://a.example/cb"]}]}`, "wave"},
	} {
		t.Run(test.name, func(t *testing.T) {
			conf, err := parseConfig([]byte(test.doc))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := newServer(t.Context(), conf, memory.New(), testSecrets(t), discard); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("newServer: got error %v, wanted one with %q", err, test.want)
			}
		})
	}
}
