package clients_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestIntrospect(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	tok := login(t, s, web(s, "read:events"))
	t.Run("the app that was given the token reads it", func(t *testing.T) {
		a := post(t, s.introspectURL(), "web", webSecret, url.Values{"token": {tok.AccessToken}})
		for member, want := range map[string]any{"active": true, "sub": ada, "client_id": "web", "scope": "read:events", "iss": s.issuer} {
			if a.body[member] != want {
				t.Errorf("%s is %v, wanted %v", member, a.body[member], want)
			}
		}
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control is %q, wanted no-store", got)
		}
	})
	t.Run("another app reads nothing", func(t *testing.T) {
		a := post(t, s.introspectURL(), "job", webSecret, url.Values{"token": {tok.AccessToken}})
		if a.status != http.StatusOK || a.body["active"] != false || len(a.body) != 1 {
			t.Errorf("status %d, %v; wanted 200 and only that it is not active", a.status, a.body)
		}
	})
	t.Run("a stranger is refused", func(t *testing.T) {
		a := post(t, s.introspectURL(), "api", "wrong", url.Values{"token": {tok.AccessToken}})
		if a.status != http.StatusUnauthorized || a.body["error"] != "invalid_client" {
			t.Errorf("status %d, %v; wanted 401 invalid_client", a.status, a.body)
		}
	})
	t.Run("garbage is not active", func(t *testing.T) {
		wantDead(t, s, "garbage", "garbage")
	})
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	revoke := func(t *testing.T, id, secret, tok string) reply {
		t.Helper()
		return post(t, s.revokeURL(), id, secret, url.Values{"token": {tok}})
	}
	t.Run("an access token", func(t *testing.T) {
		tok := login(t, s, web(s, "read:events"))
		if a := revoke(t, "web", webSecret, tok.AccessToken); a.status != http.StatusOK {
			t.Errorf("status %d, %v; wanted 200", a.status, a.body)
		}
		wantDead(t, s, tok.AccessToken, "")
	})
	t.Run("a refresh token, with all that came from it", func(t *testing.T) {
		tok := login(t, s, web(s, "read:events"))
		if a := revoke(t, "web", webSecret, tok.RefreshToken); a.status != http.StatusOK {
			t.Errorf("status %d, %v; wanted 200", a.status, a.body)
		}
		wantDead(t, s, tok.AccessToken, tok.RefreshToken)
	})
	t.Run("a token of an app that acts for itself", func(t *testing.T) {
		job := post(t, s.tokenURL(), "job", webSecret, url.Values{"grant_type": {"client_credentials"}})
		tok, _ := job.body["access_token"].(string)
		wantAlive(t, s, tok, "")
		if a := revoke(t, "job", webSecret, tok); a.status != http.StatusOK {
			t.Errorf("status %d, %v; wanted 200", a.status, a.body)
		}
		wantDead(t, s, tok, "")
	})
	t.Run("another app's token is left alone", func(t *testing.T) {
		tok := login(t, s, web(s, "read:events"))
		for _, one := range []string{tok.AccessToken, tok.RefreshToken} {
			if a := revoke(t, "job", webSecret, one); a.status != http.StatusBadRequest || a.body["error"] != "unauthorized_client" {
				t.Errorf("status %d, %v; wanted 400 unauthorized_client", a.status, a.body)
			}
		}
		wantAlive(t, s, tok.AccessToken, tok.RefreshToken)
	})
	t.Run("an unknown token is fine", func(t *testing.T) {
		if a := revoke(t, "web", webSecret, "garbage"); a.status != http.StatusOK {
			t.Errorf("status %d, %v; wanted 200", a.status, a.body)
		}
	})
}

// The service's own login gives tokens that are like any other.
func TestLoginAPI(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	call := func(t *testing.T, body string) reply {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer+"/auth/v1/login", bytes.NewBufferString(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		return do(t, r)
	}
	credentials, err := json.Marshal(map[string]string{"email": bob, "password": bobPassword})
	if err != nil {
		t.Fatal(err)
	}
	a := call(t, string(credentials))
	data, _ := a.body["data"].(map[string]any)
	accessToken, _ := data["accessToken"].(string)
	refreshToken, _ := data["refreshToken"].(string)
	if a.status != http.StatusOK || accessToken == "" || refreshToken == "" || data["expiresIn"] != 900.0 {
		t.Fatalf("login: status %d, tokens %t and %t, expiresIn %v; wanted 200, both, 900", a.status, accessToken != "", refreshToken != "", data["expiresIn"])
	}
	seen := me(t, s, accessToken)
	if seen.status != http.StatusOK || seen.body["sub"] != bob || seen.body["tenant"] != "t2" {
		t.Errorf("the API answers %d, %v", seen.status, seen.body)
	}
	if roles, _ := seen.body["roles"].([]any); !slices.Equal(roles, []any{"admin"}) {
		t.Errorf("the API sees roles %v, wanted admin", seen.body["roles"])
	}
	next := post(t, s.tokenURL(), "", "", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "client_id": {"console"}})
	if next.status != http.StatusOK {
		t.Errorf("refresh: status %d, %v", next.status, next.body)
	}

	for name, body := range map[string]string{
		"a wrong password": `{"email": "` + bob + `", "password": "wrong"}`,
		"an unknown user":  `{"email": "nobody@example.com", "password": "x"}`,
	} {
		a := call(t, body)
		fault, _ := a.body["error"].(map[string]any)
		if a.status != http.StatusUnauthorized || a.body["data"] != nil || fault["code"] != "invalid_credentials" {
			t.Errorf("%s: status %d, %v; wanted 401 and the error", name, a.status, a.body)
		}
	}
	if a := call(t, "email="+bob); a.status != http.StatusBadRequest {
		t.Errorf("a body that is not JSON: status %d, wanted 400", a.status)
	}
}

// Any loopback URL is a resource where the configuration says so, and none elsewhere.
func TestLoopbackResources(t *testing.T) {
	t.Parallel()
	const other = "http://127.0.0.1:9999/mcp"
	for _, allowed := range []bool{false, true} {
		s := start(t, config(func(c map[string]any) { c["allow_loopback_resources"] = allowed }))
		a := post(t, s.tokenURL(), "job", webSecret, url.Values{"grant_type": {"client_credentials"}, "resource": {other}})
		if !allowed {
			if a.status != http.StatusBadRequest || a.body["error"] != "invalid_target" {
				t.Errorf("not allowed: status %d, %v; wanted 400 invalid_target", a.status, a.body)
			}
			continue
		}
		tok, _ := a.body["access_token"].(string)
		if got := introspect(t, s, tok); a.status != http.StatusOK || got.body["aud"] != other {
			t.Errorf("allowed: status %d, aud %v; wanted %q", a.status, got.body["aud"], other)
		}
		if got := me(t, s, tok); got.status != http.StatusUnauthorized {
			t.Errorf("the API accepts a token for another resource: %d", got.status)
		}
	}
}

// Nothing that opens a door is in the server's log, and each request is.
func TestLog(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	tok := login(t, s, web(s, "read:events"))
	refresh(t, s, "web", webSecret, tok.RefreshToken)
	refresh(t, s, "web", "a wrong secret", tok.RefreshToken)
	s.stop()
	log := s.log.String()
	for _, secret := range []string{tok.AccessToken, tok.RefreshToken, adaPassword, webSecret, "a wrong secret"} {
		if strings.Contains(log, secret) {
			t.Error("a secret is in the log")
		}
	}
	for _, want := range []string{"endpoint=authorize", "endpoint=token", "invalid_client"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q:\n%s", want, log)
		}
	}
}
