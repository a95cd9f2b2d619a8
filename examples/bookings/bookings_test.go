package main

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/examples/internal/paste"
	"github.com/oauthcore/oauthcore/oauth/resource"
	"github.com/oauthcore/oauthcore/token"
)

const asJSON = "curl -s -i -H 'Content-Type: application/json' "

// The requests of the service's document, from a fresh start.
func TestDocument(t *testing.T) {
	t.Parallel()
	address := paste.Start(t, run, "-addr", "127.0.0.1:0").Address
	curl := func(line string) paste.Answer {
		t.Helper()
		return paste.Curl(t, strings.ReplaceAll(line, "ADDRESS", address))
	}
	full := map[string]string{"access_token": "string", "refresh_token": "string", "expires_in": "number", "token_type": "string", "scope": "string"}
	withoutRefresh := map[string]string{"access_token": "string", "expires_in": "number", "token_type": "string", "scope": "string"}
	const (
		manager = ` -d client_id=channel-manager -d client_secret=channel-manager-secret ADDRESS`
		reports = ` -d client_id=nightly-reports -d client_secret=nightly-reports-secret ADDRESS`
	)
	tokens := curl(asJSON+`-d '{"grant_type":"client_credentials","client_id":"channel-manager","client_secret":"channel-manager-secret"}' ADDRESS/connect/token`).Members(t, full)
	access, refresh := tokens["access_token"].(string), tokens["refresh_token"].(string)
	if tokens["expires_in"] != 3600.0 || tokens["token_type"] != "Bearer" {
		t.Errorf("expires_in is %v and token_type %q, wanted 3600 and Bearer", tokens["expires_in"], tokens["token_type"])
	}

	t.Run("a form gets the same answer", func(t *testing.T) {
		curl("curl -s -i -d grant_type=client_credentials"+manager+"/connect/token").Members(t, full)
	})
	t.Run("an app without the policy gets no refresh token", func(t *testing.T) {
		for _, line := range []string{
			asJSON + `-d '{"grant_type":"client_credentials","client_id":"nightly-reports","client_secret":"nightly-reports-secret"}' ADDRESS/connect/token`,
			"curl -s -i -d grant_type=client_credentials" + reports + "/connect/token",
			"curl -s -i -d grant_type=client_credentials -d 'scope=bookings.read' " + reports + "/connect/token",
		} {
			curl(line).Members(t, withoutRefresh)
		}
		wantError(t, curl("curl -s -i -d grant_type=client_credentials -d 'scope=bookings.read offline_access' "+reports+"/connect/token"), "invalid_scope")
	})
	t.Run("the header may be spelled either way but not both", func(t *testing.T) {
		for _, header := range []string{"Authorisation", "Authorization", "authorisation"} {
			got := curl("curl -s -i -H '"+header+": Bearer "+access+"' ADDRESS/api/bookings").Members(t, map[string]string{"bookings": "array"})
			paste.Kinds(t, got["bookings"].([]any)[0], map[string]string{"id": "string", "guest": "string", "room": "string", "from": "string", "to": "string"})
		}
		both := curl("curl -s -i -H 'Authorisation: Bearer " + access + "' -H 'Authorization: Bearer " + access + "' ADDRESS/api/bookings")
		both.Want(t, "400", `{"message":"Bad Request"}`)
		if got := both.Header["www-authenticate"]; !strings.Contains(got, `error="invalid_request"`) {
			t.Errorf("WWW-Authenticate is %q, wanted invalid_request", got)
		}
		curl("curl -s -i ADDRESS/api/bookings").Want(t, "401", `{"message":"Unauthorized"}`)
	})
	t.Run("a token without the scope books nothing", func(t *testing.T) {
		reading := curl("curl -s -i -d grant_type=client_credentials"+reports+"/connect/token").Members(t, withoutRefresh)
		book := ` -d '{"guest":"Alan Turing","room":"7","from":"2030-06-01","to":"2030-06-03"}' ADDRESS/api/bookings`
		curl(asJSON+"-H 'Authorization: Bearer "+reading["access_token"].(string)+"'"+book).Want(t, "403", `{"message":"Forbidden"}`)
		curl(asJSON+"-H 'Authorization: Bearer "+access+"'"+book).
			Want(t, "201", `{"id":"2","guest":"Alan Turing","room":"7","from":"2030-06-01","to":"2030-06-03"}`)
		for _, body := range []string{`{`, `{"guest":"A","room":"7","from":"2030-06-03","to":"2030-06-01"}`, `{"id":"9"}`, `{}`} {
			if got := curl(asJSON + "-H 'Authorization: Bearer " + access + "' -d '" + body + "' ADDRESS/api/bookings"); got.Status != "400" {
				t.Errorf("%s: got %s, wanted 400", body, got.Status)
			}
		}
	})
	t.Run("token errors are 400 and ask for no other credentials", func(t *testing.T) {
		for _, test := range []struct{ line, code string }{
			{"curl -s -i -d grant_type=client_credentials -d client_id=channel-manager -d client_secret=guessed ADDRESS/connect/token", "invalid_client"},
			{"curl -s -i " + manager + "/connect/token", "unsupported_grant_type"},
			{asJSON + "-d '[]' ADDRESS/connect/token", "invalid_request"},
			{"curl -s -i -d grant_type=client_credentials -u channel-manager:channel-manager-secret ADDRESS/connect/token", "invalid_client"},
		} {
			wantError(t, curl(test.line), test.code)
		}
	})
	t.Run("an API asks with a secret of its own", func(t *testing.T) {
		ask := " -d token=" + access + " ADDRESS/connect/introspect"
		active := curl("curl -s -i -u bookings-api:bookings-api-secret"+ask).Members(t, map[string]string{"active": "bool", "iss": "string", "sub": "string",
			"aud": "string", "client_id": "string", "scope": "string", "exp": "number", "iat": "number", "jti": "string", "token_type": "string"})
		if active["active"] != true || active["client_id"] != "channel-manager" {
			t.Errorf("got %v, wanted an active token of channel-manager", active)
		}
		curl("curl -s -i -u bookings-api:guessed"+ask).Want(t, "401", "")
		curl("curl -s -i -u bookings-api:bookings-api-secret -G"+ask).Want(t, "405", "")
		curl(asJSON+"-u bookings-api:bookings-api-secret -d '{}' ADDRESS/connect/introspect").Want(t, "415", "")

		own := curl("curl -s -i -u bookings-api:bookings-api-secret -d grant_type=client_credentials ADDRESS/connect/token").
			Members(t, map[string]string{"access_token": "string", "expires_in": "number", "token_type": "string"})
		curl("curl -s -i -H 'Authorization: Bearer "+own["access_token"].(string)+"' ADDRESS/api/bookings").Want(t, "403", `{"message":"Forbidden"}`)

		remote, err := resource.Remote(address+"/connect/introspect", "bookings-api", "bookings-api-secret", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := remote(t.Context(), access); err != nil || c.ClientID != "channel-manager" {
			t.Errorf("Remote: got %v, %v; wanted the claims of channel-manager", c, err)
		}
		if _, err := remote(t.Context(), "unknown"); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("Remote of an unknown token: got %v, wanted token.ErrInvalid", err)
		}
	})
	t.Run("the refresh token rotates and is revoked like any other", func(t *testing.T) {
		spend := func(tok string) paste.Answer {
			t.Helper()
			return curl("curl -s -i -d grant_type=refresh_token -d refresh_token=" + tok + manager + "/connect/token")
		}
		next := spend(refresh).Members(t, full)
		if next["refresh_token"] == refresh {
			t.Error("the refresh token did not rotate")
		}
		revoke := " -d token=" + next["refresh_token"].(string)
		wantError(t, curl("curl -s -i -d client_id=channel-manager -d client_secret=guessed"+revoke+" ADDRESS/connect/revocation"), "invalid_client")
		curl("curl -s -i"+revoke+manager+"/connect/revocation").Want(t, "200", "")
		wantError(t, spend(next["refresh_token"].(string)), "invalid_grant")
		for _, dead := range []string{access, next["access_token"].(string)} {
			curl("curl -s -i -H 'Authorisation: Bearer "+dead+"' ADDRESS/api/bookings").Want(t, "401", `{"message":"Unauthorized"}`)
		}
	})
}

// wantError checks a refusal of the kind that IdentityServer's are.
func wantError(t *testing.T, a paste.Answer, code string) {
	t.Helper()
	var body struct{ Error string }
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil || a.Status != "400" || body.Error != code {
		t.Errorf("got %s with %s, wanted 400 and %s", a.Status, a.Body, code)
	}
	if challenge, ok := a.Header["www-authenticate"]; ok {
		t.Errorf("the refusal has the challenge %q, wanted none", challenge)
	}
}

// The lines of README.md work as printed.
func TestReadme(t *testing.T) {
	t.Parallel()
	address := paste.Start(t, run, "-addr", "127.0.0.1:0").Address
	paste.Readme(t, t.TempDir(), "http://127.0.0.1:8082", address,
		[]string{`"access_token":"`, `"refresh_token":"`, `"expires_in":3600`},
		[]string{`"guest":"Grace Hopper"`, `"guest":"Alan Turing"`},
		[]string{"400 Bad Request", `error="invalid_request"`},
		[]string{"200 OK", `"error":"invalid_grant"`},
		[]string{`"scope":"bookings.read"`},
		[]string{`"active":true`, `"client_id":"nightly-reports"`},
	)
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"an argument", []string{"serve"}, `got argument "serve"`},
		{"an address that cannot be listened on", []string{"-addr", "nowhere"}, "nowhere"},
		{"an issuer that is not https", []string{"-addr", "127.0.0.1:0", "-issuer", "http://bookings.example"}, "http://bookings.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout strings.Builder
			if err := run(t.Context(), test.args, &stdout, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("run(%q): got %v, wanted an error with %q", test.args, err, test.want)
			}
			if stdout.Len() > 0 {
				t.Errorf("run(%q) printed %q before it failed", test.args, stdout.String())
			}
		})
	}
	if err := run(t.Context(), []string{"-h"}, io.Discard, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("run(-h): got %v, wanted flag.ErrHelp", err)
	}
}
