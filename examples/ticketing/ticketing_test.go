package main

import (
	"errors"
	"flag"
	"html"
	"io"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/examples/internal/paste"
	"github.com/oauthcore/oauthcore/pkce"
)

// platform is the running program, as a user's browser and the apps reach it.
type platform struct {
	address string
	jar     string // curl's flags for the browser's cookies
}

func start(t *testing.T) *platform {
	t.Helper()
	jar := filepath.Join(t.TempDir(), "jar")
	return &platform{paste.Start(t, run, "-addr", "127.0.0.1:0").Address, " -b " + jar + " -c " + jar + " "}
}

// curl pastes a line with the platform's address in it.
func (p *platform) curl(t *testing.T, line string) paste.Answer {
	t.Helper()
	return paste.Curl(t, strings.ReplaceAll(line, "ADDRESS", p.address))
}

var (
	action    = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	hexAccess = regexp.MustCompile(`^[0-9a-f]{64}$`)
	hexLonger = regexp.MustCompile(`^[0-9a-f]{65,}$`)
)

// open opens a page in the browser.
func (p *platform) open(t *testing.T, path string) paste.Answer {
	t.Helper()
	return p.curl(t, "curl -s -i"+p.jar+"'ADDRESS"+path+"'")
}

// submit posts fields to the form of a page.
func (p *platform) submit(t *testing.T, page paste.Answer, fields string) paste.Answer {
	t.Helper()
	m := action.FindStringSubmatch(page.Body)
	if m == nil {
		t.Fatalf("got %s with no form:\n%s", page.Status, page.Body)
	}
	return p.curl(t, "curl -s -i"+p.jar+fields+" 'ADDRESS"+html.UnescapeString(m[1])+"'")
}

const asJSON = "curl -s -i -H 'Content-Type: application/json' "

const boxOffice = "client_id=box-office&redirect_uri=https://box-office.example/callback&scope=public"

// authorize opens an authorization request, signs in as ada if asked, presses a button of the consent page if
// asked, and returns the parameters of the redirect.
func (p *platform) authorize(t *testing.T, request, decision string) url.Values {
	t.Helper()
	page := p.open(t, "/oauth/authorize?response_type=code&state=s1&"+request)
	if strings.Contains(page.Body, `name="password"`) {
		page = p.submit(t, page, "-d email=ada@example.com -d 'password=correct horse'")
		page = p.open(t, page.Header["location"])
	}
	if strings.Contains(page.Body, `name="decision"`) {
		page = p.submit(t, page, "-d decision="+decision)
	}
	to, err := url.Parse(page.Header["location"])
	if err != nil || to.Host == "" || to.Query().Get("state") != "s1" {
		t.Fatalf("got %s with location %q, wanted one with the state", page.Status, to)
	}
	return to.Query()
}

// exchange trades a code of box-office, with further fields.
func (p *platform) exchange(t *testing.T, code, more string) paste.Answer {
	t.Helper()
	return p.curl(t, "curl -s -i -d client_id=box-office -d client_secret=box-office-secret -d code="+code+
		" -d redirect_uri=https://box-office.example/callback -d grant_type=authorization_code "+more+" ADDRESS/oauth/token")
}

var tokenMembers = map[string]string{"access_token": "string", "token_type": "string", "expires_in": "number",
	"refresh_token": "string", "scope": "string", "created_at": "number"}

// wantTokens checks the answer that the platform's document shows.
func wantTokens(t *testing.T, a paste.Answer) (access, refresh string) {
	t.Helper()
	m := a.Members(t, tokenMembers)
	access, refresh = m["access_token"].(string), m["refresh_token"].(string)
	if !hexAccess.MatchString(access) {
		t.Errorf("the access token has %d characters, wanted 64 hexadecimal digits", len(access))
	}
	if !hexLonger.MatchString(refresh) {
		t.Errorf("the refresh token has %d characters, wanted more than 64 hexadecimal digits", len(refresh))
	}
	if m["token_type"] != "Bearer" || m["expires_in"] != 7200.0 || m["scope"] != "public" {
		t.Errorf("got type %q, expires_in %v, scope %q; wanted Bearer, 7200, public", m["token_type"], m["expires_in"], m["scope"])
	}
	if ago := time.Since(time.Unix(int64(m["created_at"].(float64)), 0)); ago < -time.Second || ago > time.Minute {
		t.Errorf("created_at is %v ago, wanted now", ago)
	}
	return access, refresh
}

// The requests of the platform's document, from a fresh start.
func TestDocument(t *testing.T) {
	t.Parallel()
	p := start(t)
	wantTokens(t, p.exchange(t, p.authorize(t, boxOffice, "allow").Get("code"), ""))

	code := p.authorize(t, boxOffice, "allow").Get("code")
	access, refresh := wantTokens(t, p.curl(t, asJSON+`-d '{"client_id":"box-office","client_secret":"box-office-secret","code":"`+code+
		`","redirect_uri":"https://box-office.example/callback","grant_type":"authorization_code"}' ADDRESS/oauth/token`))

	t.Run("the API takes a token from each of three places and from one at a time", func(t *testing.T) {
		for path, check := range map[string]func(paste.Answer){
			"/api/public/me": func(a paste.Answer) {
				m := a.Members(t, map[string]string{"id": "string", "name": "string", "email": "string"})
				if m["email"] != "ada@example.com" {
					t.Errorf("got %v, wanted ada", m)
				}
			},
			"/api/public/tickets": func(a paste.Answer) {
				m := a.Members(t, map[string]string{"tickets": "array"})
				paste.Kinds(t, m["tickets"].([]any)[0], map[string]string{"id": "string", "event": "string", "seat": "string"})
			},
		} {
			check(p.curl(t, "curl -s -i -H 'Authorization: Bearer "+access+"' ADDRESS"+path))
			check(p.curl(t, "curl -s -i 'ADDRESS"+path+"?access_token="+access+"'"))
			check(p.curl(t, "curl -s -i -d access_token="+access+" ADDRESS"+path))
			p.curl(t, "curl -s -i -d access_token="+access+" -H 'Authorization: Bearer "+access+"' ADDRESS"+path).Want(t, "400", `{"error":"invalid_request"}`)
			p.curl(t, "curl -s -i -X POST 'ADDRESS"+path+"?access_token="+access+"'").Want(t, "401", `{"error":"unauthorized"}`)
			p.curl(t, "curl -s -i ADDRESS"+path).Want(t, "401", `{"error":"unauthorized"}`)
			p.curl(t, "curl -s -i -H 'Authorization: Bearer "+strings.Repeat("0", 64)+"' ADDRESS"+path).Want(t, "401", `{"error":"invalid_token"}`)
		}
	})
	t.Run("token info says what a token is", func(t *testing.T) {
		m := p.curl(t, "curl -s -i -H 'Authorization: Bearer "+access+"' ADDRESS/oauth/token/info").Members(t, map[string]string{
			"resource_owner_id": "string", "scope": "array", "expires_in": "number", "application": "object", "created_at": "number"})
		app := paste.Kinds(t, m["application"], map[string]string{"uid": "string"})
		scope, left := m["scope"].([]any), m["expires_in"].(float64)
		if m["resource_owner_id"] != "1" || app["uid"] != "box-office" || len(scope) != 1 || scope[0] != "public" || left <= 7100 || left > 7200 {
			t.Errorf("got %v, wanted user 1, box-office, public and some 7200 seconds", m)
		}
		p.curl(t, "curl -s -i ADDRESS/oauth/token/info").Want(t, "401", `{"error":"unauthorized"}`)
	})
	t.Run("refresh and revocation", func(t *testing.T) {
		const app = " -d client_id=box-office -d client_secret=box-office-secret "
		next, nextRefresh := wantTokens(t, p.curl(t, "curl -s -i -d grant_type=refresh_token -d refresh_token="+refresh+app+"ADDRESS/oauth/token"))
		p.curl(t, "curl -s -i -d token=unknown"+app+"ADDRESS/oauth/revoke").Want(t, "200", "{}")
		if a := p.curl(t, "curl -s -i -d client_id=box-office -d client_secret=guessed -d token="+next+" ADDRESS/oauth/revoke"); a.Status != "403" {
			t.Errorf("revocation by a bad client: got %s, wanted 403", a.Status)
		}
		p.curl(t, "curl -s -i -d token="+nextRefresh+app+"ADDRESS/oauth/revoke").Want(t, "200", "{}")
		for _, dead := range []string{access, next} {
			p.curl(t, "curl -s -i -H 'Authorization: Bearer "+dead+"' ADDRESS/api/public/me").Want(t, "401", `{"error":"invalid_token"}`)
		}
		wantError(t, p.curl(t, "curl -s -i -d grant_type=refresh_token -d refresh_token="+nextRefresh+app+"ADDRESS/oauth/token"), "400", "invalid_grant")
	})
	t.Run("a bad client is 401, other token errors 400", func(t *testing.T) {
		wantError(t, p.curl(t, "curl -s -i -d grant_type=authorization_code -d code=x -d client_id=box-office -d client_secret=guessed ADDRESS/oauth/token"), "401", "invalid_client")
		wantError(t, p.exchange(t, "x", ""), "400", "invalid_grant")
		wantError(t, p.exchange(t, code, ""), "400", "invalid_grant")
	})
}

func wantError(t *testing.T, a paste.Answer, status, code string) {
	t.Helper()
	if a.Status != status || !strings.Contains(a.Body, `"error":"`+code+`"`) {
		t.Errorf("got %s with %s, wanted %s and %s", a.Status, a.Body, status, code)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	p := start(t)
	page := p.open(t, "/oauth/authorize?response_type=code&"+boxOffice)
	for _, fields := range []string{"-d email=ada@example.com -d password=wrong", "-d email=nobody@example.com -d 'password=correct horse'"} {
		again := p.submit(t, page, fields)
		if again.Status != "401" || !strings.Contains(again.Body, `role="alert"`) || !strings.Contains(again.Body, `name="password"`) {
			t.Errorf("%s: got %s with %s, wanted the sign-in form and what is wrong", fields, again.Status, again.Body)
		}
	}
	if got := p.authorize(t, boxOffice, "deny").Get("error"); got != "access_denied" {
		t.Errorf("a user who denies: got error %q, wanted access_denied", got)
	}
}

// The waiver is one app's: with it a request without PKCE is good, without it PKCE is needed.
func TestWaiver(t *testing.T) {
	t.Parallel()
	p := start(t)
	verifier := pkce.NewVerifier()
	challenge := "&code_challenge_method=S256&code_challenge=" + pkce.Challenge(verifier)

	t.Run("with the waiver a verifier without a challenge is refused", func(t *testing.T) {
		code := p.authorize(t, boxOffice, "allow").Get("code")
		wantError(t, p.exchange(t, code, "-d code_verifier="+verifier), "400", "invalid_grant")
	})
	t.Run("with the waiver a challenge still binds", func(t *testing.T) {
		wantError(t, p.exchange(t, p.authorize(t, boxOffice+challenge, "allow").Get("code"), ""), "400", "invalid_grant")
		wantTokens(t, p.exchange(t, p.authorize(t, boxOffice+challenge, "allow").Get("code"), "-d code_verifier="+verifier))
	})
	t.Run("without the waiver PKCE is needed", func(t *testing.T) {
		made := p.curl(t, asJSON+"-H 'Authorization: Bearer "+p.admin(t)+`' -d '{"name":"Seat Finder","redirect_uri":"https://seats.example/callback"}' ADDRESS/admin/applications`)
		app := made.Members(t, map[string]string{"uid": "string", "secret": "string", "name": "string", "redirect_uri": "string", "insecure_no_pkce": "bool"})
		request := "client_id=" + app["uid"].(string) + "&redirect_uri=https://seats.example/callback&scope=public"
		if got := p.authorize(t, request, "allow").Get("error"); got != "invalid_request" {
			t.Errorf("a request without PKCE: got error %q, wanted invalid_request", got)
		}
		code := p.authorize(t, request+challenge, "allow").Get("code")
		wantTokens(t, p.curl(t, "curl -s -i -d client_id="+app["uid"].(string)+" -d client_secret="+app["secret"].(string)+" -d code="+code+
			" -d redirect_uri=https://seats.example/callback -d grant_type=authorization_code -d code_verifier="+verifier+" ADDRESS/oauth/token"))
	})
}

// admin returns a token of the back office.
func (p *platform) admin(t *testing.T) string {
	t.Helper()
	m := p.curl(t, "curl -s -i -d grant_type=client_credentials -d client_id=back-office -d client_secret=back-office-secret -d scope=admin ADDRESS/oauth/token").
		Members(t, map[string]string{"access_token": "string", "token_type": "string", "expires_in": "number", "scope": "string", "created_at": "number"})
	return m["access_token"].(string)
}

func TestOnlyTheBackOfficeCreatesApps(t *testing.T) {
	t.Parallel()
	p := start(t)
	const body = ` -d '{"name":"Seat Finder","redirect_uri":"https://seats.example/callback"}' `
	user, _ := wantTokens(t, p.exchange(t, p.authorize(t, boxOffice, "allow").Get("code"), ""))
	p.curl(t, asJSON+body+"ADDRESS/admin/applications").Want(t, "401", `{"error":"unauthorized"}`)
	p.curl(t, asJSON+"-H 'Authorization: Bearer "+user+"'"+body+"ADDRESS/admin/applications").Want(t, "403", `{"error":"insufficient_scope"}`)
	if a := p.curl(t, asJSON+body+"ADDRESS/oauth/applications"); a.Status != "404" {
		t.Errorf("another way to create an app: got %s, wanted 404", a.Status)
	}
	admin := p.admin(t)
	p.curl(t, "curl -s -i -H 'Authorization: Bearer "+admin+"' ADDRESS/api/public/me").Want(t, "403", `{"error":"insufficient_scope"}`)
	for bad, why := range map[string]string{
		`{`:  "not an application in JSON",
		`{}`: "client_name",
		`{"name":"X","redirect_uri":"http://seats.example/callback"}`:             "redirect_uris",
		`{"name":"X","redirect_uri":"https://seats.example/","scopes":["admin"]}`: "not an application in JSON",
	} {
		a := p.curl(t, asJSON+"-H 'Authorization: Bearer "+admin+"' -d '"+bad+"' ADDRESS/admin/applications")
		if wantError(t, a, "400", "invalid_request"); !strings.Contains(a.Body, why) {
			t.Errorf("%s: got %s, wanted %q in it", bad, a.Body, why)
		}
	}
}

// The lines of README.md work as printed.
func TestReadme(t *testing.T) {
	t.Parallel()
	p := start(t)
	paste.Readme(t, t.TempDir(), "http://127.0.0.1:8081", p.address,
		nil,
		[]string{`"access_token":"`, `"refresh_token":"`, `"scope":"public"`, `"created_at":`},
		[]string{`"email":"ada@example.com"`, `"seat":"F 3"`, `"application":{"uid":"box-office"}`},
		[]string{"{}\n", "401 Unauthorized", `{"error":"invalid_token"}`},
		[]string{`"name":"Seat Finder"`, `"insecure_no_pkce":false`, `"secret":"ocs_`},
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
		{"an issuer that is not https", []string{"-addr", "127.0.0.1:0", "-issuer", "http://tickets.example"}, "http://tickets.example"},
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
