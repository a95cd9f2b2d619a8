package profile_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/oauth/profile"
)

// FuzzJSON compares what is read from a body of JSON with what package json reads: whatever is accepted is the
// same for both, and nothing is accepted that it refuses.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"grant_type":"client_credentials","client_id":"svc","client_secret":"s","scope":""}`,
		` { "a" : "\u00e9\n\"\\\/" , "b\u0041" : "\ud83d\ude00" } `,
		`{}`, `null`, `[]`, `""`, `{"a":1}`, `{"a":null}`, `{"a":["b"]}`, `{"a":{"b":"c"}}`, `{"a":"b","a":"c"}`, `{"a":"b","\u0061":"c"}`,
		`{"a":"b"}x`, `{"a":"b",}`, `{"a":"\ud800"}`, `{"a":"` + "\xff" + `"}`, "\ufeff{}", `{"a":"` + "\x01" + `"}`, strings.Repeat(`{"a":`, 100),
	} {
		f.Add([]byte(seed))
	}
	p := profile.JSON()
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "/token", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		got, err := p.Request("token", r)
		if err != nil {
			return
		}
		var want map[string]string
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("accepted %q, which is %v", body, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%q: got %d parameters, want %d", body, len(got), len(want))
		}
		for name, text := range want {
			if !slices.Equal(got[name], []string{text}) {
				t.Fatalf("%q: parameter %q is %q, want %q", body, name, got[name], text)
			}
		}
	})
}

// FuzzBody sends any body of any type to every endpoint of every dialect: each answers with JSON or nothing,
// none fails, and none gives a token without a secret.
func FuzzBody(f *testing.F) {
	f.Add("application/json", []byte(`{"grant_type":"client_credentials","client_id":"svc","client_secret":"`+secret+`"}`))
	f.Add("application/x-www-form-urlencoded", []byte("grant_type=client_credentials&client_id=svc&scope=public&client_secret="+secret))
	f.Add("application/x-www-form-urlencoded", []byte("token=x&client_id=svc&client_secret="+secret))
	f.Add("application/json; charset=utf-8", []byte(`{"token":"x","client_id":"svc","client_secret":"wrong"}`))
	f.Add("text/plain", []byte(`{`))
	f.Add("application/json;charset", []byte(`{"a":"b"}`))
	f.Add("", []byte{})
	type server struct {
		h     *host
		paths oauth.Paths
	}
	var servers []server
	for _, p := range []*oauth.Profile{profile.JSON(), profile.Cognito(), profile.Doorkeeper(), profile.IdentityServer()} {
		paths := p.Paths
		if paths.Token == "" {
			paths = oauth.Paths{Token: "/token", Introspect: "/introspect", Revoke: "/revoke"}
		}
		servers = append(servers, server{newHost(f, p), paths})
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		for _, s := range servers {
			for _, path := range []string{s.paths.Token, s.paths.Introspect, s.paths.Revoke} {
				if path == "-" {
					continue
				}
				r := httptest.NewRequest("POST", path, bytes.NewReader(body))
				r.Header["Content-Type"] = []string{contentType}
				w := httptest.NewRecorder()
				s.h.srv.ServeHTTP(w, r)
				var answer map[string]any
				if w.Body.Len() > 0 {
					if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
						t.Fatalf("%s: %d %q: %v", path, w.Code, w.Body, err)
					}
				}
				_, refused := answer["error"]
				switch {
				case w.Code >= 500 && !bytes.Contains(body, []byte(outage)), refused && w.Code < 400:
					t.Fatalf("%s: answered %d %s", path, w.Code, w.Body)
				case answer["access_token"] != nil && !bytes.Contains(body, []byte(secret)) && !bytes.ContainsAny(body, `%\`):
					t.Fatalf("%s: gave a token without a secret", path)
				}
			}
		}
	})
}
