package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
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

// members checks that v has these members and no more, each of its type.
func members(t *testing.T, what string, v any, want map[string]string) map[string]any {
	t.Helper()
	m, _ := v.(map[string]any)
	if got, wanted := slices.Sorted(maps.Keys(m)), slices.Sorted(maps.Keys(want)); !slices.Equal(got, wanted) {
		t.Errorf("%s has the members %q, wanted %q", what, got, wanted)
	}
	for name, kind := range want {
		if !isKind(m[name], kind) {
			t.Errorf("%s.%s is %v, wanted a %s", what, name, m[name], kind)
		}
	}
	return m
}

// startProgram runs the program as its user does, until the test ends, and returns its address.
func startProgram(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		defer w.Close()
		done <- run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), w, io.Discard)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the program ended with %v", err)
		}
	})
	lines := bufio.NewScanner(r)
	if !lines.Scan() {
		t.Fatal("the program printed nothing")
	}
	go io.Copy(io.Discard, r)
	return strings.TrimPrefix(lines.Text(), "Listening on ")
}

// The requests of the service's own documents, as their readers paste them, from a fresh start.
func TestDocumentedRequests(t *testing.T) {
	t.Parallel()
	address := startProgram(t)
	sh := &shell{t: t}
	sh.set("BASE", address)
	sh.set("JAR", t.TempDir()+"/cookies")
	envelope := map[string]string{"data": "object", "error": "null", "meta": "object"}
	meta := map[string]string{"request_id": "string", "trace_id": "string", "tenant_id": "string"}

	signIn := func(email string) string {
		t.Helper()
		a := sh.curl(`curl -s -X POST "$BASE/auth/v1/login" -H 'Content-Type: application/json' -d '{"email":"` + email + `","password":"Password123!"}'`)
		data := members(t, "data", a["data"], map[string]string{"accessToken": "string", "refreshToken": "string", "expiresIn": "integer"})
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
		members(t, "the answer", a, map[string]string{"data": "array", "error": "null", "page": "object", "meta": "object"})
		page := members(t, "page", a["page"], map[string]string{"next_cursor": "null", "has_more": "boolean", "limit": "integer"})
		m := members(t, "meta", a["meta"], meta)
		if page["limit"] != 20.0 || m["request_id"] != "0190d7f2-52a4-7c3b-8f6e-1a2b3c4d5e6f" || m["tenant_id"] != tenantOne {
			t.Errorf("page %v, meta %v", page, m)
		}
	})
	t.Run("a cursor is base64url of JSON", func(t *testing.T) {
		a := sh.curl(`curl -s "$BASE/app-registry/v1/apps?limit=1" -H "Authorization: Bearer $TOKEN"`)
		page := members(t, "page", a["page"], map[string]string{"next_cursor": "string", "has_more": "boolean", "limit": "integer"})
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
		a := sh.curl(strings.ReplaceAll(line, "NAME", "Changed") + ` -w ''`)
		fault := members(t, "error", a["error"], map[string]string{"code": "string", "message": "string", "details": "array"})
		if fault["code"] != "idempotency_key_reused" || a["data"] != nil {
			t.Errorf("another body under the key: %v", a)
		}
		var app map[string]any
		if err := json.Unmarshal([]byte(first), &app); err != nil {
			t.Fatal(err)
		}
		members(t, "the answer", app, envelope)
	})
	t.Run("without a token it is refused in the envelope", func(t *testing.T) {
		a := sh.curl(`curl -s "$BASE/app-registry/v1/apps"`)
		members(t, "the answer", a, map[string]string{"data": "null", "error": "object", "meta": "object"})
		members(t, "meta", a["meta"], map[string]string{"request_id": "string", "trace_id": "string", "tenant_id": "null"})
	})

	// The right lines for the verifier and its challenge, as README.md has them.
	pkceLines := strings.Join(strings.Split(commands(linesToTry(address))[0], "\n")[:2], "\n")
	consent := `page=$(curl -s -G -c "$JAR" -b "$JAR" -H "Authorization: Bearer $TOKEN" "$BASE/app-registry/v1/oauth/authorize" \
  -d response_type=code -d client_id=my-app -d redirect_uri=https://myapp.com/callback --data-urlencode 'scope=read:events write:events' \
  -d code_challenge="$challenge" -d code_challenge_method=S256)
form=$(printf %s "$page" | sed -n 's/.*<form method="post" action="\([^"]*\)".*/\1/p')
to=$(curl -s -o /dev/null -w '%{redirect_url}' -c "$JAR" -b "$JAR" -H "Authorization: Bearer $TOKEN" -d decision=allow -d scope=read:events -d scope=write:events "$BASE$form")
code=$(printf %s "$to" | sed 's/.*[?&]code=\([^&]*\).*/\1/')
`
	const exchange = `curl -s -X POST "$BASE/app-registry/v1/oauth/token" -H 'Content-Type: application/json' \
  -d "{\"grant_type\":\"authorization_code\",\"code\":\"$code\",\"redirect_uri\":\"https://myapp.com/callback\",\"client_id\":\"my-app\",\"code_verifier\":\"$verifier\"}"`
	t.Run("an organizer lets an app in, and it gets tokens", func(t *testing.T) {
		sh.set("TOKEN", signIn(organizer))
		a := sh.curl(pkceLines + "\n" + consent + exchange)
		tokens := members(t, "the answer", a, map[string]string{"access_token": "string", "token_type": "string", "expires_in": "integer", "refresh_token": "string", "scope": "string"})
		if tokens["token_type"] != "Bearer" || tokens["expires_in"] != 3600.0 || tokens["scope"] != "read:events write:events" {
			t.Errorf("token_type %v, expires_in %v, scope %v", tokens["token_type"], tokens["expires_in"], tokens["scope"])
		}
		sh.set("REFRESH", tokens["refresh_token"].(string))
	})
	t.Run("a refresh rotates, in JSON and as a form", func(t *testing.T) {
		for _, line := range []string{
			`curl -s "$BASE/app-registry/v1/oauth/token" -H 'Content-Type: application/json' -d "{\"grant_type\":\"refresh_token\",\"refresh_token\":\"$REFRESH\",\"client_id\":\"my-app\"}"`,
			`curl -s "$BASE/app-registry/v1/oauth/token" -d grant_type=refresh_token -d refresh_token="$REFRESH" -d client_id=my-app`,
		} {
			a := sh.curl(line)
			next, _ := a["refresh_token"].(string)
			if next == "" {
				t.Fatalf("%s\nprinted error %v", line, a["error"])
			}
			sh.set("REFRESH", next)
			sh.set("ACCESS", a["access_token"].(string))
		}
	})
	t.Run("server to server, introspection and revocation", func(t *testing.T) {
		a := sh.curl(`curl -s "$BASE/app-registry/v1/oauth/token" -H 'Content-Type: application/json' -d '{"grant_type":"client_credentials","client_id":"my-service","client_secret":"my-service-secret","scope":"read:events"}'`)
		members(t, "the answer", a, map[string]string{"access_token": "string", "token_type": "string", "expires_in": "integer", "scope": "string"})
		introspect := `curl -s -u demo-api:demo-api-secret "$BASE/app-registry/v1/oauth/introspect" -d token="$ACCESS"`
		if a := sh.curl(introspect); a["active"] != true || a["client_id"] != "my-app" || a["sub"] != organizer {
			t.Errorf("introspection: active %v, client_id %v, sub %v", a["active"], a["client_id"], a["sub"])
		}
		if out := sh.run(`curl -s -o /dev/null -w '%{http_code} %{size_download}' "$BASE/app-registry/v1/oauth/revoke" -d token="$ACCESS" -d client_id=my-app`); out != "200 0" {
			t.Errorf("revocation: %s, wanted 200 and nothing", out)
		}
		if a := sh.curl(introspect); a["active"] != false || len(a) != 1 {
			t.Errorf("introspection after revocation: %v", a)
		}
	})
	t.Run("the guide's challenge is refused, and the reader is told why", func(t *testing.T) {
		for {
			challenge := sh.run(`printf %s "$(openssl rand -hex 32)" | openssl dgst -sha256 -binary | openssl base64 -A | tr -d '=+/'`)
			if len(challenge) == 43 {
				continue // nothing to delete in this one
			}
			to := sh.run(`curl -s -o /dev/null -w '%{redirect_url}' -G -H "Authorization: Bearer $TOKEN" "$BASE/app-registry/v1/oauth/authorize" -d response_type=code -d client_id=my-app -d redirect_uri=https://myapp.com/callback -d scope=read:events -d code_challenge=` + challenge + ` -d code_challenge_method=S256`)
			if !strings.Contains(to, "error=invalid_request") || !strings.Contains(to, "removing+characters+instead+of+base64url") {
				t.Errorf("the app is sent to %s", to)
			}
			return
		}
	})
	t.Run("the guide's short verifier is refused, and the reader is told why", func(t *testing.T) {
		const short = `verifier=$(openssl rand -hex 20)
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d '=')
`
		asked := strings.ReplaceAll(consent, "response_type=code", "response_type=code -d prompt=consent") // the app is let in already
		a := sh.curl(short + asked + exchange)
		description, _ := a["error_description"].(string)
		if a["error"] != "invalid_grant" && a["error"] != "invalid_request" || !strings.Contains(description, "43") {
			t.Errorf("error %v, %q; wanted the length in it", a["error"], description)
		}
	})
	t.Run("health and the document are for everyone", func(t *testing.T) {
		members(t, "the answer", sh.curl(`curl -s "$BASE/app-registry/v1/health"`), envelope)
		if a := sh.curl(`curl -s "$BASE/openapi.json"`); a["openapi"] != "3.1.0" {
			t.Errorf("the document is of version %v", a["openapi"])
		}
	})
	if a := get(t, http.DefaultClient, address+"/app-registry/v1/oauth/nothing"); a.StatusCode != http.StatusNotFound {
		t.Errorf("an OAuth path that is none: status %d", a.StatusCode)
	}
}
