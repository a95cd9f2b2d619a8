package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/examples/internal/paste"
	"github.com/oauthcore/oauthcore/oauth"
)

// start runs the server and returns it with the folder that has its certificate.
func start(t *testing.T) (p *paste.Program, folder string) {
	t.Helper()
	folder = t.TempDir()
	return paste.Start(t, run, "-addr", "127.0.0.1:0", "-certificate", filepath.Join(folder, "eventcalendar.pem")), folder
}

const (
	asked        = ` -H 'Content-Type: application/json' -d '{"query":"query { events(page: 0, size: 10) { totalCount data { id name { en } } } }"}' `
	credentials  = ` -d grant_type=client_credentials -d client_id=city-guide -d client_secret=city-guide-secret -d scope=calendar/read `
	unauthorized = `{"errors":[{"message":"Unauthorized","extensions":{"code":"UNAUTHENTICATED"}}]}`
	forbidden    = `{"errors":[{"message":"Forbidden","extensions":{"code":"FORBIDDEN"}}]}`
)

var tokenMembers = map[string]string{"access_token": "string", "expires_in": "number", "token_type": "string"}

// The requests of the API's document, from a fresh start.
func TestDocument(t *testing.T) {
	t.Parallel()
	p, folder := start(t)
	curl := func(line string) paste.Answer {
		t.Helper()
		return paste.Curl(t, "curl -s -i --cacert "+folder+"/eventcalendar.pem "+strings.ReplaceAll(line, "ADDRESS", p.Address))
	}
	tokens := curl(credentials+"ADDRESS/oauth2/token").Members(t, tokenMembers)
	if tokens["expires_in"] != 3600.0 || tokens["token_type"] != "Bearer" {
		t.Errorf("expires_in is %v and token_type %q, wanted 3600 and Bearer", tokens["expires_in"], tokens["token_type"])
	}
	access := tokens["access_token"].(string)

	t.Run("the token is a user pool's", func(t *testing.T) {
		parts := strings.Split(access, ".")
		header := paste.Kinds(t, decode(t, parts[0]), map[string]string{"kid": "string", "alg": "string"})
		if header["alg"] != "RS256" {
			t.Errorf("alg is %q, wanted RS256", header["alg"])
		}
		claims := paste.Kinds(t, decode(t, parts[1]), map[string]string{"sub": "string", "token_use": "string", "scope": "string",
			"auth_time": "number", "iss": "string", "exp": "number", "iat": "number", "jti": "string", "client_id": "string", "version": "number"})
		for name, want := range map[string]any{"sub": "city-guide", "client_id": "city-guide", "token_use": "access",
			"scope": "calendar/read", "iss": p.Address, "version": 2.0} {
			if claims[name] != want {
				t.Errorf("%s is %v, wanted %v", name, claims[name], want)
			}
		}
	})
	t.Run("the query is answered", func(t *testing.T) {
		bearer := "-H 'Authorization: Bearer " + access + "'"
		data := curl(bearer+asked+"ADDRESS/graphql").Members(t, map[string]string{"data": "object"})
		events := paste.Kinds(t, paste.Kinds(t, data["data"], map[string]string{"events": "object"})["events"], map[string]string{"totalCount": "number", "data": "array"})
		list := events["data"].([]any)
		if events["totalCount"] != 3.0 || len(list) != 3 {
			t.Errorf("got %v events and totalCount %v, wanted 3", len(list), events["totalCount"])
		}
		for _, e := range list {
			paste.Kinds(t, paste.Kinds(t, e, map[string]string{"id": "string", "name": "object"})["name"], map[string]string{"en": "string"})
		}
		variables := ` -H 'Content-Type: application/json' -d '{"query":"query Q($n: Int) { events(page: 1, size: $n) { totalCount data { id } } }","variables":{"n":2},"operationName":"Q"}' `
		curl(bearer+variables+"ADDRESS/graphql").Want(t, "200", `{"data":{"events":{"totalCount":3,"data":[{"id":"3"}]}}}`)
		for _, bad := range []string{"events(size: 0) { totalCount }", "events(page: -1) { totalCount }", "events(size: 101) { totalCount }", "nothing"} {
			if a := curl(bearer + ` -d '{"query":"{ ` + bad + ` }"}' ADDRESS/graphql`); a.Status != "200" || !strings.Contains(a.Body, `"errors":[`) {
				t.Errorf("%s: got %s with %s, wanted 200 with errors", bad, a.Status, a.Body)
			}
		}
		far := ` -d '{"query":"{ events(page: 2147483647, size: 100) { data { id } } }"}' `
		curl(bearer+far+"ADDRESS/graphql").Want(t, "200", `{"data":{"events":{"data":[]}}}`)
		if a := curl(bearer + " -d '{' ADDRESS/graphql"); a.Status != "400" {
			t.Errorf("a body that is not JSON: got %s, wanted 400", a.Status)
		}
	})
	t.Run("without a good token nothing is answered", func(t *testing.T) {
		forged := access[:len(access)-4] + "AAAA"
		for _, header := range []string{"", "-H 'Authorization: Bearer " + forged + "'", "-H 'Authorization: Bearer'", "-H 'Authorization: Bearer a b'", "-u a:b"} {
			curl(header+asked+"ADDRESS/graphql").Want(t, "401", unauthorized)
		}
		operator := curl("-d grant_type=client_credentials -d client_id=operator -d client_secret=operator-secret -d scope=calendar/report ADDRESS/oauth2/token").Members(t, tokenMembers)
		curl("-H 'Authorization: Bearer "+operator["access_token"].(string)+"'"+asked+"ADDRESS/graphql").Want(t, "403", forbidden)
		curl("-H 'Authorization: Bearer "+access+"' ADDRESS/report").Want(t, "403", forbidden)
	})
	t.Run("bad requests for a token are 400 with an error and nothing else", func(t *testing.T) {
		for line, code := range map[string]string{
			strings.Replace(credentials, "city-guide-secret", "guessed", 1):             "invalid_client",
			strings.Replace(credentials, "client_id=city-guide", "client_id=nobody", 1): "invalid_client",
			strings.Replace(credentials, "-d client_secret=city-guide-secret", "", 1):   "invalid_client",
			strings.Replace(credentials, "-d grant_type=client_credentials", "", 1):     "invalid_request",
			strings.Replace(credentials, "-d scope=calendar/read", "", 1):               "invalid_scope",
			strings.Replace(credentials, "calendar/read", "calendar/report", 1):         "invalid_scope",
			strings.Replace(credentials, "client_credentials", "password", 1):           "unsupported_grant_type",
			" -H 'Content-Type: application/json' -d '{}' ":                             "invalid_request",
		} {
			a := curl(line + "ADDRESS/oauth2/token")
			a.Want(t, "400", `{"error":"`+code+`"}`)
			if challenge, ok := a.Header["www-authenticate"]; ok {
				t.Errorf("%s has the challenge %q, wanted none", code, challenge)
			}
		}
	})
	t.Run("plain HTTP is refused", func(t *testing.T) {
		plain := strings.Replace(p.Address, "https:", "http:", 1)
		for _, line := range []string{credentials + plain + "/oauth2/token", asked + plain + "/graphql"} {
			if a := paste.Curl(t, "curl -s -i "+line); a.Status != "400" || strings.Contains(a.Body, "{") {
				t.Errorf("got %s with %s, wanted 400 and no answer", a.Status, a.Body)
			}
		}
	})
}

// decode returns the JSON object of a part of a token.
func decode(t *testing.T, part string) map[string]any {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// The lines of README.md work as printed, and the report that the program ends with tells of them.
func TestReadme(t *testing.T) {
	t.Parallel()
	p, folder := start(t)
	paste.Readme(t, folder, "https://127.0.0.1:8443", p.Address,
		[]string{`{"data":{"events":{"totalCount":3,"data":[{"id":"1","name":{"en":"Opera opening night"}}`},
		[]string{" 401", unauthorized, " 403", forbidden},
		[]string{" 400", `{"error":"invalid_client"}`, `"expires_in":3600`},
		[]string{"Failed authentications: 2", "news-desk"},
	)
	report := p.Stop()
	for _, want := range []string{
		`city-guide +1 +1\n`, `news-desk +1 +0\n`, `operator +1 +1\n`,
		`Failed authentications: 2\n`,
		`\nRefused requests: 3\n`,
		`1 +\S+ +127\.0\.0\.1 +/graphql +- +no token\n`,
		`1 +\S+ +127\.0\.0\.1 +/graphql +- +insufficient_scope\n`,
		`1 +\S+ +127\.0\.0\.1 +token +city-guide +invalid_client\n`,
		`\nUnexpected addresses: 1\n`,
		`1 +\S+ +127\.0\.0\.1 +token +news-desk +-\n`,
	} {
		if !regexp.MustCompile(want).MatchString(report) {
			t.Errorf("the report has no %s:\n%s", want, report)
		}
	}
}

// Strangers cannot make the report grow without end, nor put words into it.
func TestReportIsBounded(t *testing.T) {
	t.Parallel()
	a := newActivity(expected, time.Now)
	from := netip.MustParseAddr("198.51.100.0")
	for range maxLines + 500 {
		from = from.Next()
		a.observe(oauth.Event{Endpoint: "token", App: "stranger\n9", Remote: from.String() + ":1", Err: &oauth.Error{Code: "invalid_client"}})
		a.observe(oauth.Event{Endpoint: "token", App: "city-guide", Remote: from.String() + ":1"})
	}
	var report strings.Builder
	if err := a.print(&report); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(report.String(), "\n"); n > 2*(maxLines+1)+20 {
		t.Errorf("the report has %d lines, wanted about %d", n, 2*maxLines)
	}
	if strings.Contains(report.String(), "stranger") {
		t.Error("the report has a name that a stranger made up")
	}
	for _, want := range []string{"Failed authentications: 1500\n", `500 +\S+ +others`} {
		if !regexp.MustCompile(want).MatchString(report.String()) {
			t.Errorf("the report has no %s", want)
		}
	}
}

func TestPlainHTTPIsNamedInsecure(t *testing.T) {
	t.Parallel()
	p := paste.Start(t, run, "-addr", "127.0.0.1:0", "-insecure-loopback-http")
	if !strings.HasPrefix(p.Address, "http://127.0.0.1:") {
		t.Errorf("the server listens on %s, wanted plain HTTP on loopback", p.Address)
	}
	paste.Curl(t, "curl -s -i "+credentials+p.Address+"/oauth2/token").Members(t, tokenMembers)
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
		{"plain HTTP beyond loopback", []string{"-addr", "0.0.0.0:0", "-insecure-loopback-http"}, "-insecure-loopback-http: "},
		{"an issuer that is not https", []string{"-addr", "127.0.0.1:0", "-issuer", "http://calendar.example"}, "http://calendar.example"},
		{"all addresses without an issuer", []string{"-addr", "0.0.0.0:0"}, "-issuer: "},
		{"a certificate that cannot be written", []string{"-addr", "127.0.0.1:0", "-certificate", t.TempDir()}, "directory"},
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
