package oauth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

// eventsOf returns what f reports.
func (h *host) eventsOf(f func()) []oauth.Event {
	h.mu.Lock()
	before := len(h.events)
	h.mu.Unlock()
	f()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events[before:])
}

func TestEvents(t *testing.T) {
	h := newHost(t)
	v := h.request("web")
	b := h.signedInAs(oauth.Login{Subject: "alice", Tenant: "acme"})
	b.code(v) // consents
	var code string
	var r reply
	post := func(app, path, form string) func() {
		return func() {
			q, _ := url.ParseQuery(form)
			h.post(app, path, q)
		}
	}
	type fields struct {
		endpoint, grantType, app, subject, tenant string
		grant                                     bool
		scopes                                    string
		retried, reused, failed                   bool
	}
	all := "read write"
	for _, tt := range []struct {
		name string
		do   func()
		want fields
	}{
		{"authorize", func() { code = b.code(v) }, fields{"authorize", "", "web", "alice", "acme", true, all, false, false, false}},
		{"a page", func() { h.browser().authorize(v) }, fields{endpoint: "authorize", app: "web"}},
		{"a bad redirect", func() { b.authorize(h.request("web", "redirect_uri", "https://evil.example")) }, fields{endpoint: "authorize", app: "web", failed: true}},
		{"a bad scope", func() { b.authorize(h.request("web", "scope", "evil")) }, fields{endpoint: "authorize", app: "web", failed: true}},
		{"exchange, refused", func() { h.exchange(v, code, "code_verifier", strings.Repeat("x", 43)) }, fields{"token", "authorization_code", "web", "alice", "acme", true, "", false, false, true}},
		{"exchange by a stranger", post("two", "/token", "grant_type=authorization_code&code=x"), fields{endpoint: "token", grantType: "authorization_code", app: "two", failed: true}},
		{"exchange", func() { r = h.exchange(v, code) }, fields{"token", "authorization_code", "web", "alice", "acme", true, all, false, false, false}},
		{"refresh", func() { h.refresh("web", r.str("refresh_token"), "scope", "read") }, fields{"token", "refresh_token", "web", "alice", "acme", true, "read", false, false, false}},
		{"retry", func() { h.refresh("web", r.str("refresh_token")) }, fields{"token", "refresh_token", "web", "alice", "acme", true, all, true, false, false}},
		{"introspect", func() { h.introspect("web", r.str("access_token")) }, fields{endpoint: "introspect", app: "web", grant: true}},
		{"introspect, inactive", func() { h.introspect("web", "x") }, fields{endpoint: "introspect", app: "web", failed: true}},
		{"reuse", func() { h.exchange(v, code) }, fields{"token", "authorization_code", "web", "alice", "acme", true, "", false, true, true}},
		{"revoke", func() { h.revoke("web", r.str("refresh_token")) }, fields{endpoint: "revoke", app: "web", grant: true}},
		{"revoke unknown", func() { h.revoke("web", "x") }, fields{endpoint: "revoke", app: "web"}},
		{"client credentials", post("svc", "/token", "grant_type=client_credentials"), fields{endpoint: "token", grantType: "client_credentials", app: "svc", scopes: all}},
		{"an unknown grant", post("svc", "/token", "grant_type=x"), fields{endpoint: "token", grantType: "x", app: "svc", failed: true}},
		{"an unknown client", func() { h.raw("/token", http.Header{"Authorization": {basic("nobody", "x")}}, "grant_type=x") }, fields{endpoint: "token", app: "nobody", failed: true}},
		{"no form", func() { h.raw("/token", http.Header{"Content-Type": {"text/plain"}}, "x") }, fields{endpoint: "token", failed: true}},
		{"too long a form", func() { h.raw("/revoke", http.Header{}, strings.Repeat("x", 64<<10+1)) }, fields{endpoint: "revoke", failed: true}},
		{"another method", func() { read(t, http.DefaultClient, newRequest(t, "GET", h.url+"/introspect")) }, fields{endpoint: "introspect", failed: true}},
		{"issue", func() {
			h.srv.Issue(t.Context(), "web", oauth.Approval{Login: &oauth.Login{Subject: "bob", Time: h.clock()}})
		}, fields{"issue", "", "web", "bob", "", true, "read write admin", false, false, false}},
		{"disconnect", func() { h.srv.Disconnect(t.Context(), oauth.Consent{Subject: "alice", Tenant: "acme", App: "web"}) }, fields{endpoint: "disconnect", app: "web", subject: "alice", tenant: "acme"}},
		{"end", func() { h.srv.EndSubject(t.Context(), "alice") }, fields{endpoint: "end", subject: "alice"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := h.eventsOf(tt.do)
			if len(events) != 1 {
				t.Fatalf("%d events, want 1: %+v", len(events), events)
			}
			e := events[0]
			got := fields{e.Endpoint, e.GrantType, e.App, e.Subject, e.Tenant, e.Grant != "", strings.Join(e.Scopes, " "), e.Retried, e.Reused, e.Err != nil}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			inProcess := slices.Contains([]string{"issue", "disconnect", "end"}, e.Endpoint)
			if (e.Remote == "") != inProcess || !e.Time.Equal(h.clock()) {
				t.Errorf("Remote is %q, Time is %v", e.Remote, e.Time)
			}
		})
	}
	t.Run("none for documents", func(t *testing.T) {
		events := h.eventsOf(func() {
			for _, path := range []string{"/jwks", "/.well-known/oauth-authorization-server", "/none"} {
				read(t, http.DefaultClient, newRequest(t, "GET", h.url+path))
			}
		})
		if len(events) != 0 {
			t.Errorf("got %+v", events)
		}
	})
}

func newRequest(t testing.TB, method, target string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An event tells the operator what the answer does not tell the client.
func TestEventSaysWhy(t *testing.T) {
	h := newHost(t)
	r := h.login("web")
	asWeb := http.Header{"Authorization": {basic("web", secret)}}
	for _, tt := range []struct {
		why string
		do  func() reply
	}{
		{"wrong secret", func() reply { return h.raw("/token", http.Header{"Authorization": {basic("web", "x")}}, "x=1") }},
		{"not found", func() reply { return h.raw("/token", http.Header{"Authorization": {basic("nobody", "x")}}, "x=1") }},
		{"client_secret_basic, which it did not register", func() reply { return h.raw("/token", http.Header{"Authorization": {basic("two", secret)}}, "x=1") }},
		{"client_id differs", func() reply { return h.raw("/token", asWeb, "client_id=two") }},
		{"another client", func() reply { return h.refresh("two", r.str("refresh_token")) }},
		{"does not prove itself", func() reply { return h.refresh("web", r.str("refresh_token")[:88]+"AAAA") }},
		{"not a credential of this kind", func() reply { return h.refresh("web", r.str("access_token")) }},
		{"neither the caller's nor for it", func() reply { return h.introspect("two", r.str("access_token")) }},
		{"given to another client", func() reply { return h.post("two", "/revoke", url.Values{"token": {r.str("access_token")}}) }},
		{"was used before", func() reply {
			h.refresh("web", r.str("refresh_token"))
			h.pass(time.Minute)
			return h.refresh("web", r.str("refresh_token"))
		}},
		{"the grant is over", func() reply { return h.refresh("web", r.str("refresh_token")) }},
	} {
		t.Run(tt.why, func(t *testing.T) {
			answered := tt.do()
			e := h.lastEvent()
			if e.Err == nil || !strings.Contains(e.Err.Error(), tt.why) {
				t.Errorf("the event's Err is %v", e.Err)
			}
			var refusal *oauth.Error
			if answered.StatusCode != 200 && (!errors.As(e.Err, &refusal) || refusal.Code != answered.str("error")) {
				t.Errorf("the event's Err is %v, and %s was answered", e.Err, answered.body)
			}
		})
	}
}

func TestEventLogValue(t *testing.T) {
	e := oauth.Event{Time: time.Unix(1, 0).UTC(), Endpoint: "token", GrantType: "refresh_token", App: "web", Subject: "alice", Tenant: "acme",
		Grant: "g", Scopes: []string{"read"}, Remote: "127.0.0.1:1", Retried: true, Reused: true, Err: errors.New("why")}
	for want, e := range map[string]oauth.Event{
		`{"event":{"time":"1970-01-01T00:00:01Z","endpoint":"token","grant_type":"refresh_token","app":"web","subject":"alice","tenant":"acme","grant":"g","scopes":["read"],"remote":"127.0.0.1:1","retried":true,"reused":true,"error":"why"}}`: e,
		`{"event":{"time":"1970-01-01T00:00:01Z","endpoint":"end"}}`: {Time: e.Time, Endpoint: "end"},
	} {
		var b bytes.Buffer
		drop := func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.LevelKey || a.Key == slog.MessageKey || a.Key == slog.TimeKey && a.Value.Time().Unix() != 1 {
				return slog.Attr{}
			}
			return a
		}
		slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: drop})).Info("", "event", e)
		if got := strings.TrimSpace(b.String()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Nothing that must stay secret is in an event, a log line, an error, a record of the store, or an answer
// that is not its own.
//
// R6749-10.3-1, R7662-4-4
func TestNoSecretEscapes(t *testing.T) {
	secrets := make(map[string]string) // by value, what it is
	keep := func(what, value string) string {
		if value == "" {
			t.Errorf("no %s", what)
		}
		secrets[value] = what
		return value
	}
	var answers []reply
	const other = "another-secret-of-thirty-two-byte"
	var stored bytes.Buffer
	records := &interceptor{create: func(r store.Record) error { fmt.Fprintf(&stored, "%s %q %s\n", r.Key, r.Labels, r.Value); return nil }}
	records.swap = records.create
	m := newMachine(t, func(c *oauth.Config, app *registry.App) {
		app.Policy.MayIntrospect = true
		records.wrap(c)
	})
	h := m.h
	keep("client secret", secret)
	keep("wrong client secret", other)
	keep("verifier", verifier)
	wrong := keep("wrong verifier", "w"+verifier[1:])
	short := keep("short verifier", verifier[:42])
	bad := keep("malformed verifier", verifier[:42]+"!")

	said := func(r reply) reply {
		answers = append(answers, r)
		for _, name := range []string{"access_token", "refresh_token"} {
			if r.str(name) != "" {
				keep(name, r.str(name))
			}
		}
		return r
	}
	for _, app := range []string{"web", "opaque", "two"} {
		v := h.request(app)
		code := keep("code", h.codeOf(v))
		for _, verifier := range []string{wrong, short, bad, ""} {
			said(h.exchange(v, code, "code_verifier", verifier))
		}
		said(h.exchange(v, code, "redirect_uri", "https://evil.example"))
		said(h.exchange(v, code[:len(code)-1]))
		said(h.exchange(v, keep("changed code", code[:50]+strings.Repeat("A", len(code)-50))))
		r := said(h.exchange(v, code))
		r2 := said(h.refresh(app, r.str("refresh_token")))
		said(h.refresh(app, r.str("refresh_token")))
		said(h.refresh(app, r2.str("refresh_token"), "scope", "evil"))
		for _, tok := range []string{r.str("access_token"), r2.str("refresh_token"), code, r.str("access_token") + "x"} {
			for _, caller := range []string{app, "svc", "api"} {
				said(h.introspect(caller, tok))
			}
			said(h.post("svc", "/revoke", url.Values{"token": {tok}}))
			said(h.post(app, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok}, "tenant": {"x"}}))
			said(h.raw("/introspect", http.Header{"Authorization": {"Bearer " + tok}}, "token="+tok))
			said(h.raw("/introspect?token="+tok, http.Header{}, "token="+tok))
			a := read(t, http.DefaultClient, newRequest(t, "GET", h.url+"/introspect?token="+tok))
			answers = append(answers, reply{answer: a})
		}
		said(h.exchange(v, code)) // ends the grant
		said(h.refresh(app, r2.str("refresh_token")))
		said(h.post(app, "/revoke", url.Values{"token": {r2.str("refresh_token")}}))
	}
	for _, header := range []string{basic("web", other), "Basic " + other, "Bearer " + other, basic("web", secret) + "x"} {
		said(h.raw("/token", http.Header{"Authorization": {header}}, "grant_type=refresh_token&refresh_token="+other))
	}
	said(h.raw("/token?client_secret="+other, http.Header{}, "client_id=web"))
	said(h.raw("/token", http.Header{}, "client_id=two&client_secret="+other+"&client_secret="+other))
	said(h.raw("/token", http.Header{}, "client_id=two&client_secret=%zz"+other))
	said(h.raw("/token", http.Header{"Content-Type": {"application/json"}}, `{"client_secret":"`+other+`"}`))
	for _, change := range []map[string]any{nil, {"aud": "https://other.example"}, {"exp": 1}, {"iss": "web"}, {"jti": 1}, {"exp": "x"}} {
		assertion := keep("assertion", m.sign("", m.claims(change)))
		said(m.post("/token", assertion, ccForm))
		said(m.post("/introspect", assertion, url.Values{"token": {"x"}}))
		said(m.post("/token", keep("cut assertion", assertion[:len(assertion)-3]), ccForm))
	}
	records.get = func([]string) error { return errDown }
	said(h.exchange(h.request("web"), keep("code", "A"+strings.Repeat("Q", 65))))
	for value := range secrets {
		said(h.refresh("web", value))
		_, err := h.srv.Introspect(t.Context(), value)
		if err == nil || strings.Contains(err.Error(), value) {
			t.Errorf("the %s is in the error of Introspect", secrets[value])
		}
	}

	var text strings.Builder
	asJSON, asText := slog.New(slog.NewJSONHandler(&text, nil)), slog.New(slog.NewTextHandler(&text, nil))
	for _, e := range h.events {
		asJSON.Info("x", "event", e)
		asText.Info("x", "event", e)
		fmt.Fprintf(&text, "%v\n%+v\n%#v\n", e, e, e)
		if b, err := json.Marshal(e); err == nil {
			text.Write(b)
		}
		for err := e.Err; err != nil; err = errors.Unwrap(err) {
			fmt.Fprintf(&text, "%v\n%+v\n%#v\n", err, err, err)
		}
	}
	for value, what := range secrets {
		if strings.Contains(text.String(), value) {
			t.Errorf("a %s is in an event", what)
		}
		inBinary, _ := base64.RawURLEncoding.DecodeString(value)
		if bytes.Contains(stored.Bytes(), []byte(value)) || len(inBinary) >= 32 && bytes.Contains(stored.Bytes(), inBinary[len(inBinary)-32:]) {
			t.Errorf("a %s is in the store", what)
		}
	}
	for _, r := range answers {
		own := strings.NewReplacer(`"`+r.str("access_token")+`"`, "", `"`+r.str("refresh_token")+`"`, "")
		whole := own.Replace(r.body) + fmt.Sprint(r.Header)
		for value, what := range secrets {
			if strings.Contains(whole, value) {
				t.Errorf("a %s is in an answer of %d", what, r.StatusCode)
			}
		}
	}
	if len(secrets) < 40 || len(answers) < 100 || len(h.events) < 100 || stored.Len() < 1000 {
		t.Errorf("only %d secrets, %d answers and %d events were looked at", len(secrets), len(answers), len(h.events))
	}
}
