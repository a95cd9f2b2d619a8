package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/examples/internal/paste"
)

// shell is a shell that keeps variables from one paste to the next.
type shell struct {
	t    *testing.T
	vars []string // name=value, quoted
}

func (s *shell) set(name, value string) {
	s.vars = append(s.vars, name+"='"+strings.ReplaceAll(value, "'", `'\''`)+"'")
}

// run pastes lines and returns what they print.
func (s *shell) run(lines string) string {
	s.t.Helper()
	return sh(s.t, strings.Join(s.vars, "\n")+"\n"+lines)
}

// curl pastes one line whose answer is JSON.
func (s *shell) curl(line string) (v map[string]any) {
	s.t.Helper()
	out := s.run(line)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		s.t.Fatalf("%s\nprinted %q: %v", line, out, err)
	}
	return v
}

// wantApp checks each member of an app: the manifest in force or the one proposed has these members, the other
// is null.
func wantApp(t *testing.T, v any, live bool, want map[string]string) map[string]any {
	t.Helper()
	kinds := map[string]string{"client_id": "string", "status": "string", "owner": "string", "tenant_id": "string", "manifest": "object",
		"revision": "null", "secrets": "array", "listed": "bool", "shared": "bool", "suspended": "bool", "paused": "bool",
		"created_at": "string", "updated_at": "string"}
	if !live {
		kinds["manifest"], kinds["revision"] = "null", "object"
	}
	app, _ := v.(map[string]any)
	if _, shown := app["client_secret"]; shown && !live {
		kinds["client_secret"] = "string" // where the app is made
	}
	paste.Kinds(t, app, kinds)
	m := app["manifest"]
	if !live {
		m = paste.Kinds(t, app["revision"], map[string]string{"state": "string", "author": "string", "reviewer": "string",
			"note": "string", "manifest": "object"})["manifest"]
	}
	paste.Kinds(t, m, want)
	for _, secret := range app["secrets"].([]any) {
		kinds := map[string]string{"id": "string"}
		if !live {
			kinds["created"] = "string" // of those in the demonstration's configuration nobody knows
		}
		paste.Kinds(t, secret, kinds)
	}
	return app
}

// guide is the lines that the service's own guide has for a verifier and its challenge, pasted until what they
// draw is as wanted: with luck nothing is deleted, or enough is left.
func guide(wanted string) string {
	return `until
verifier=$(openssl rand -base64 32 | tr -d '=+/' | cut -c1-43)
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | openssl base64 -A | tr -d '=+/')
` + wanted + `; do :; done
`
}

// The requests of the service's own documents, as their readers paste them, from a fresh start.
func TestDocumentedRequests(t *testing.T) {
	t.Parallel()
	address := paste.Start(t, run, "-addr", "127.0.0.1:0").Address
	sh := &shell{t: t}
	sh.set("BASE", address)
	sh.set("JAR", t.TempDir()+"/cookies")
	envelope := map[string]string{"data": "object", "error": "null", "meta": "object"}
	meta := map[string]string{"request_id": "string", "trace_id": "string", "tenant_id": "string"}

	signIn := func(email string) string {
		t.Helper()
		a := sh.curl(`curl -s -X POST "$BASE/auth/v1/login" -H 'Content-Type: application/json' -d '{"email":"` + email + `","password":"Password123!"}'`)
		data := paste.Kinds(t, a["data"], map[string]string{"accessToken": "string", "refreshToken": "string", "expiresIn": "number"})
		if data["expiresIn"] != 3600.0 {
			t.Errorf("expiresIn is %v, wanted 3600", data["expiresIn"])
		}
		tok, _ := data["accessToken"].(string)
		return tok
	}
	t.Run("sign-in gives an RS256 JWT with roles and tenant", func(t *testing.T) {
		for email, role := range map[string]string{dev: "developer", admin: "admin"} {
			parts := strings.Split(signIn(email), ".")
			var header, claims map[string]any
			for i, v := range []*map[string]any{&header, &claims} {
				b, err := base64.RawURLEncoding.DecodeString(parts[i])
				if err == nil {
					err = json.Unmarshal(b, v)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			roles, _ := claims["roles"].([]any)
			if header["alg"] != "RS256" || !slices.Equal(roles, []any{role}) || claims["tenant"] != tenantOne || claims["sub"] != email {
				t.Errorf("%s: alg %v, roles %v, tenant %v, sub %v", email, header["alg"], roles, claims["tenant"], claims["sub"])
			}
		}
	})
	t.Run("apps are listed with the token", func(t *testing.T) {
		sh.set("TOKEN", signIn(dev))
		a := sh.curl(`curl -s "$BASE/app-registry/v1/apps" -H "Authorization: Bearer $TOKEN" -H 'x-request-id: 0190d7f2-52a4-7c3b-8f6e-1a2b3c4d5e6f' -H 'x-tenant-id: ` + tenantOne + `'`)
		paste.Kinds(t, a, map[string]string{"data": "array", "error": "null", "page": "object", "meta": "object"})
		page := paste.Kinds(t, a["page"], map[string]string{"next_cursor": "null", "has_more": "bool", "limit": "number"})
		m := paste.Kinds(t, a["meta"], meta)
		for _, item := range a["data"].([]any) {
			want := map[string]string{"client_name": "string", "redirect_uris": "array", "scopes": "array"}
			switch id := item.(map[string]any)["client_id"]; id {
			case "my-app":
				want["token_endpoint_auth_method"] = "string"
			case "my-service":
				want = map[string]string{"client_name": "string", "grant_types": "array", "token_endpoint_auth_method": "string", "scopes": "array"}
			}
			app := wantApp(t, item, true, want)
			if app["owner"] != dev || app["tenant_id"] != tenantOne || app["status"] != "published" {
				t.Errorf("%v is %v, of %v in %v", app["client_id"], app["status"], app["owner"], app["tenant_id"])
			}
		}
		if len(a["data"].([]any)) != 3 {
			t.Errorf("there are %d apps, wanted the demonstration's 3", len(a["data"].([]any)))
		}
		if page["limit"] != 20.0 || m["request_id"] != "0190d7f2-52a4-7c3b-8f6e-1a2b3c4d5e6f" || m["tenant_id"] != tenantOne {
			t.Errorf("page %v, meta %v", page, m)
		}
	})
	t.Run("a cursor is base64url of JSON", func(t *testing.T) {
		a := sh.curl(`curl -s "$BASE/app-registry/v1/apps?limit=1" -H "Authorization: Bearer $TOKEN"`)
		page := paste.Kinds(t, a["page"], map[string]string{"next_cursor": "string", "has_more": "bool", "limit": "number"})
		b, err := base64.RawURLEncoding.DecodeString(page["next_cursor"].(string))
		if err != nil || !json.Valid(b) || page["has_more"] != true {
			t.Errorf("the cursor is %q, %v", b, err)
		}
	})
	t.Run("a write with a key happens once", func(t *testing.T) {
		const line = `curl -s -X POST "$BASE/app-registry/v1/apps" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H 'Idempotency-Key: 7f1d' -d '{"client_name":"NAME","redirect_uris":["https://myapp.com/callback"],"scopes":["read:events"]}'`
		first := sh.run(strings.ReplaceAll(line, "NAME", "Pasted"))
		if again := sh.run(strings.ReplaceAll(line, "NAME", "Pasted")); again != first {
			t.Error("the second answer is another one")
		}
		a := sh.curl(strings.ReplaceAll(line, "NAME", "Changed"))
		fault := paste.Kinds(t, a["error"], map[string]string{"code": "string", "message": "string", "details": "array"})
		if fault["code"] != "idempotency_key_reused" || a["data"] != nil {
			t.Errorf("another body under the key: %v", a)
		}
		var app map[string]any
		if err := json.Unmarshal([]byte(first), &app); err != nil {
			t.Fatal(err)
		}
		paste.Kinds(t, app, envelope)
		made := wantApp(t, app["data"], false, map[string]string{"client_name": "string", "redirect_uris": "array", "scopes": "array"})
		if made["status"] != "draft" || made["client_secret"] == nil || made["owner"] != dev {
			t.Errorf("the new app is a %v of %v, its secret is shown %t", made["status"], made["owner"], made["client_secret"] != nil)
		}
	})
	t.Run("without a token it is refused in the envelope", func(t *testing.T) {
		a := sh.curl(`curl -s "$BASE/app-registry/v1/apps"`)
		paste.Kinds(t, a, map[string]string{"data": "null", "error": "object", "meta": "object"})
		paste.Kinds(t, a["meta"], map[string]string{"request_id": "string", "trace_id": "string", "tenant_id": "null"})
	})

	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, corrected, _ := strings.Cut(string(readme), "```sh\n")
	corrected, _, _ = strings.Cut(corrected, "echo ")
	consent := `page=$(curl -s -G -c "$JAR" -b "$JAR" -H "Authorization: Bearer $TOKEN" "$BASE/app-registry/v1/oauth/authorize" \
  -d response_type=code -d client_id=my-app -d redirect_uri=https://myapp.com/callback --data-urlencode 'scope=read:events write:events' \
  -d code_challenge="$challenge" -d code_challenge_method=S256)
form=$(printf %s "$page" | sed -n 's/.*<form method="post" action="\([^"]*\)".*/\1/p')
to=$(curl -s -o /dev/null -w '%{redirect_url}' -c "$JAR" -b "$JAR" -H "Authorization: Bearer $TOKEN" -d decision=allow -d scope=read:events -d scope=write:events "$BASE$form")
code=$(printf %s "$to" | sed 's/.*[?&]code=\([^&]*\).*/\1/')
`
	const exchange = `curl -s -X POST "$BASE/app-registry/v1/oauth/token" -H 'Content-Type: application/json' \
  -d "{\"grant_type\":\"authorization_code\",\"code\":\"$code\",\"redirect_uri\":\"https://myapp.com/callback\",\"client_id\":\"my-app\",\"code_verifier\":\"$verifier\"}"`
	tokens := map[string]string{"access_token": "string", "token_type": "string", "expires_in": "number", "refresh_token": "string", "scope": "string"}
	t.Run("an organizer lets an app in, and it gets tokens", func(t *testing.T) {
		sh.set("TOKEN", signIn(organizer))
		a := paste.Kinds(t, sh.curl(corrected+consent+exchange), tokens)
		if a["token_type"] != "Bearer" || a["expires_in"] != 3600.0 || a["scope"] != "read:events write:events" {
			t.Errorf("token_type %v, expires_in %v, scope %v", a["token_type"], a["expires_in"], a["scope"])
		}
		sh.set("REFRESH", a["refresh_token"].(string))
	})
	t.Run("a refresh rotates, in JSON and as a form", func(t *testing.T) {
		for _, line := range []string{
			`curl -s "$BASE/app-registry/v1/oauth/token" -H 'Content-Type: application/json' -d "{\"grant_type\":\"refresh_token\",\"refresh_token\":\"$REFRESH\",\"client_id\":\"my-app\"}"`,
			`curl -s "$BASE/app-registry/v1/oauth/token" -d grant_type=refresh_token -d refresh_token="$REFRESH" -d client_id=my-app`,
		} {
			a := paste.Kinds(t, sh.curl(line), tokens)
			sh.set("REFRESH", a["refresh_token"].(string))
			sh.set("ACCESS", a["access_token"].(string))
		}
	})
	t.Run("server to server, introspection and revocation", func(t *testing.T) {
		a := sh.curl(`curl -s "$BASE/app-registry/v1/oauth/token" -H 'Content-Type: application/json' -d '{"grant_type":"client_credentials","client_id":"my-service","client_secret":"my-service-secret","scope":"read:events"}'`)
		paste.Kinds(t, a, map[string]string{"access_token": "string", "token_type": "string", "expires_in": "number", "scope": "string"})
		introspect := `curl -s -u demo-api:demo-api-secret "$BASE/app-registry/v1/oauth/introspect" -d token="$ACCESS"`
		a = paste.Kinds(t, sh.curl(introspect), map[string]string{"active": "bool", "token_type": "string", "iss": "string", "sub": "string", "aud": "string",
			"client_id": "string", "scope": "string", "exp": "number", "iat": "number", "jti": "string", "auth_time": "number", "amr": "array",
			"tenant": "string", "roles": "array"})
		if a["active"] != true || a["client_id"] != "my-app" || a["sub"] != organizer || a["token_type"] != "Bearer" || a["iss"] != address || a["tenant"] != tenantOne {
			t.Errorf("introspection: %v", a)
		}
		if out := sh.run(`curl -s -o /dev/null -w '%{http_code} %{size_download}' "$BASE/app-registry/v1/oauth/revoke" -d token="$ACCESS" -d client_id=my-app`); out != "200 0" {
			t.Errorf("revocation: %s, wanted 200 and nothing", out)
		}
		if a := sh.curl(introspect); a["active"] != false || len(a) != 1 {
			t.Errorf("introspection after revocation: %v", a)
		}
	})
	t.Run("the guide's challenge is refused, and the reader is told why", func(t *testing.T) {
		to := sh.run(guide("[ ${#challenge} -lt 43 ]") + `
curl -s -o /dev/null -w '%{redirect_url}' -G -H "Authorization: Bearer $TOKEN" "$BASE/app-registry/v1/oauth/authorize" -d response_type=code \
  -d client_id=my-app -d redirect_uri=https://myapp.com/callback -d scope=read:events -d code_challenge="$challenge" -d code_challenge_method=S256`)
		u, err := url.Parse(to)
		if err != nil || !strings.HasPrefix(to, "https://myapp.com/callback?") || u.Query().Get("error") != "invalid_request" ||
			!strings.Contains(u.Query().Get("error_description"), "removing characters instead of base64url") {
			t.Errorf("the app is sent to %s", to)
		}
	})
	t.Run("the guide's short verifier is refused, and the reader is told why", func(t *testing.T) {
		asked := strings.ReplaceAll(consent, "response_type=code", "response_type=code -d prompt=consent") // the app is let in already
		a := paste.Kinds(t, sh.curl(guide("[ ${#challenge} -eq 43 ] && [ ${#verifier} -lt 43 ]")+asked+exchange),
			map[string]string{"error": "string", "error_description": "string"})
		if description := a["error_description"].(string); a["error"] != "invalid_grant" && a["error"] != "invalid_request" || !strings.Contains(description, "43") {
			t.Errorf("error %v, %q; wanted the length in it", a["error"], description)
		}
	})
	t.Run("health and the document are for everyone", func(t *testing.T) {
		health := paste.Kinds(t, sh.curl(`curl -s "$BASE/app-registry/v1/health"`), envelope)
		if data := paste.Kinds(t, health["data"], map[string]string{"status": "string"}); data["status"] != "ok" {
			t.Errorf("the service is %v", data["status"])
		}
		if a := sh.curl(`curl -s "$BASE/openapi.json"`); a["openapi"] != "3.1.0" {
			t.Errorf("the document is of version %v", a["openapi"])
		}
	})
	if a := get(t, http.DefaultClient, address+"/app-registry/v1/oauth/nothing"); a.StatusCode != http.StatusNotFound {
		t.Errorf("an OAuth path that is none: status %d", a.StatusCode)
	}
}
