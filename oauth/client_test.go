package oauth_test

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
)

// vectors reads the cases of a file under testdata.
func vectors[T any](t *testing.T, file string) []T {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Cases []T }
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Cases) == 0 {
		t.Fatalf("%s has no cases", file)
	}
	return doc.Cases
}

// appTable is a host's own table of apps; it checks nothing.
type appTable struct {
	find func(id string) (*registry.App, error)
}

func (a appTable) App(_ context.Context, id string) (*registry.App, error) { return a.find(id) }

func (appTable) Installation(context.Context, *registry.App, string, string) (*registry.Installation, error) {
	return nil, nil
}

func only(app registry.App) appTable {
	return appTable{func(id string) (*registry.App, error) {
		if id != app.ID {
			return nil, registry.ErrNotFound
		}
		return &app, nil
	}}
}

// service is an app that acts for itself.
func service(id, plain, method string) registry.App {
	return registry.App{ID: id, Secrets: hashed(plain), Manifest: registry.Manifest{Name: "Service", AuthMethod: method,
		Scopes: []string{"a"}, GrantTypes: []string{"client_credentials"}}}
}

// serve asks the handler itself, for what an HTTP client would not send.
func (h *host) serve(path string, header http.Header, body string) reply {
	h.t.Helper()
	r := httptest.NewRequest("POST", h.url+path, strings.NewReader(body))
	r.Header = header
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	h.srv.ServeHTTP(w, r)
	got := reply{answer: answer{w.Result(), w.Body.String()}}
	if err := json.Unmarshal(w.Body.Bytes(), &got.json); err != nil {
		h.t.Fatalf("%d %q: %v", w.Code, w.Body, err)
	}
	return got
}

// R6749-2.3.1-1, R6749-B-1
func TestBasicHeader(t *testing.T) {
	type vector struct {
		ID, Authorization, Expect, Note string
		ClientID                        string `json:"client_id"`
		ClientSecret                    string `json:"client_secret"`
	}
	// Read otherwise than the vectors say: a client_id is printable ASCII (RFC 6749, Appendix A.1), and the
	// base64 of id:secret needs no padding.
	otherwise := map[string]string{"BA-005": "401 invalid_client", "BA-031": "decode"}
	for _, v := range vectors[vector](t, "basic_auth_cases.json") {
		t.Run(v.ID+" "+v.Note, func(t *testing.T) {
			id, plain, expect := cmp.Or(v.ClientID, "id"), cmp.Or(v.ClientSecret, "secret"), cmp.Or(otherwise[v.ID], v.Expect)
			h := newHost(t, func(c *oauth.Config) { c.Apps = only(service(id, plain, "")) })
			header := http.Header{"Authorization": {v.Authorization}}
			r := h.serve("/token", header, "grant_type=client_credentials")
			if expect == "decode" {
				r.want(t, 200, "")
				return
			}
			r.want(t, 401, "invalid_client")
			if got := r.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic realm=") {
				t.Errorf("WWW-Authenticate is %q", got)
			}
		})
	}
}

// R6749-2.3.1-1, R6749-B-1
func TestExamplesOfRFC6749(t *testing.T) {
	b, err := os.ReadFile("testdata/rfc6749_form_basic.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Form []struct {
			Text    string `json:"utf8_hex"`
			Encoded string
		} `json:"form_encoding"`
		Basic []struct {
			Header string
			ID     string `json:"client_id"`
			Secret string `json:"client_secret"`
		}
	}
	if err := json.Unmarshal(b, &vectors); err != nil || len(vectors.Form) == 0 || len(vectors.Basic) == 0 {
		t.Fatalf("%v, %+v", err, vectors)
	}
	for _, v := range vectors.Basic {
		h := newHost(t, func(c *oauth.Config) { c.Apps = only(service(v.ID, v.Secret, "")) })
		h.serve("/token", http.Header{"Authorization": {v.Header}}, "grant_type=client_credentials").want(t, 200, "")
	}
	for _, v := range vectors.Form {
		var got string
		h := newHost(t, func(c *oauth.Config) {
			c.GrantTypes = map[string]oauth.GrantHandler{"urn:x": func(_ context.Context, r *oauth.TokenRequest) (*oauth.Approval, error) {
				got = r.Params.Get("x")
				return nil, &oauth.Error{Code: "invalid_grant"}
			}}
			c.Apps = apps(func(s registry.Static) { edit(s, "svc").Manifest.GrantTypes = []string{"urn:x"} })
		})
		h.raw("/token", http.Header{"Authorization": {basic("svc", secret)}}, "grant_type=urn:x&x="+v.Encoded).want(t, 400, "invalid_grant")
		if hex.EncodeToString([]byte(got)) != strings.ToLower(v.Text) {
			t.Errorf("%s is read as %q", v.Encoded, got)
		}
	}
}

// R6749-3.2-2, R6749-A-1, R6749-B-1
func TestTokenForm(t *testing.T) {
	type vector struct {
		ID, Method, Query, Body, Expect, Note string
		ContentType                           *string `json:"content_type"`
	}
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = registry.Static{service("id", "secret", "client_secret_post")}
		c.Resources = []string{"https://a.example/", "https://b.example/"}
	})
	for _, v := range vectors[vector](t, "token_form_cases.json") {
		t.Run(v.ID+" "+v.Note, func(t *testing.T) {
			req, err := http.NewRequest(v.Method, h.url+"/token?"+v.Query, strings.NewReader(v.Body))
			if err != nil {
				t.Fatal(err)
			}
			if v.ContentType != nil {
				req.Header["Content-Type"] = []string{*v.ContentType}
			}
			a := read(t, http.DefaultClient, req)
			status, code, _ := strings.Cut(v.Expect, " ")
			if status == "405" {
				if a.StatusCode != 405 || a.Header.Get("Allow") != "POST" {
					t.Errorf("got %d, Allow %q, want 405, POST", a.StatusCode, a.Header.Get("Allow"))
				}
				return
			}
			var body map[string]any
			if err := json.Unmarshal([]byte(a.body), &body); err != nil {
				t.Fatalf("%q: %v", a.body, err)
			}
			got, _ := body["error"].(string)
			if a.Status[:3] != status || got != code {
				t.Errorf("got %d %s, want %s", a.StatusCode, a.body, v.Expect)
			}
			if cc := a.Header.Get("Cache-Control"); cc != "no-store" {
				t.Errorf("Cache-Control is %q", cc)
			}
		})
	}
}

func TestFormBounds(t *testing.T) {
	h := newHost(t)
	header := func() http.Header { return http.Header{"Authorization": {basic("svc", secret)}} }
	form := func(size int) string {
		const start = "grant_type=client_credentials&x="
		return start + strings.Repeat("x", size-len(start))
	}
	h.raw("/token", header(), form(64<<10)).want(t, 200, "")
	for _, path := range []string{"/token", "/introspect", "/revoke"} {
		h.raw(path, header(), form(64<<10+1)).want(t, 413, "invalid_request")
	}
	t.Run("of a body of unknown length no more is read", func(t *testing.T) {
		body := new(longBody)
		r := httptest.NewRequest("POST", h.url+"/token", body)
		r.Header = header()
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.srv.ServeHTTP(w, r)
		if w.Code != 413 || w.Header().Get("Connection") != "close" || body.read > 128<<10 {
			t.Errorf("got %d, Connection %q, after %d bytes", w.Code, w.Header().Get("Connection"), body.read)
		}
	})
	t.Run("200 parameters and no more", func(t *testing.T) {
		h.raw("/token", header(), "grant_type=client_credentials"+strings.Repeat("&x=1", 199)).want(t, 200, "")
		h.raw("/token", header(), "grant_type=client_credentials"+strings.Repeat("&x=1", 200)).want(t, 400, "invalid_request")
	})
	t.Run("a compressed body is refused", func(t *testing.T) {
		compressed := header()
		compressed.Set("Content-Encoding", "gzip")
		h.raw("/token", compressed, "grant_type=client_credentials").want(t, 400, "invalid_request")
	})
	t.Run("two content types are refused", func(t *testing.T) {
		two := header()
		two["Content-Type"] = []string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded"}
		h.serve("/token", two, "grant_type=client_credentials").want(t, 400, "invalid_request")
	})
}

// longBody is a body of 4 MiB that does not say so.
type longBody struct{ read int }

func (l *longBody) Read(p []byte) (int, error) {
	if l.read >= 4<<20 {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = 'x'
	}
	l.read += len(p)
	return len(p), nil
}

func TestClientAuthentication(t *testing.T) {
	const (
		assertionType = "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
		cc            = "grant_type=client_credentials"
		two           = "&client_id=two&client_secret=" + secret
	)
	svc := basic("svc", secret)
	for _, tt := range []struct {
		name          string
		authorization []string
		body          string
		status        int
		code          string
	}{
		{"basic", []string{svc}, cc, 200, ""},
		{"basic with an equal client_id", []string{svc}, cc + "&client_id=svc", 200, ""},
		{"basic with an empty client_secret, which counts as absent", []string{svc}, cc + "&client_secret=", 200, ""},
		// OAuth21-2.4.1-1
		{"post", nil, "grant_type=refresh_token" + two, 400, "invalid_request"}, // past authentication
		// R6749-2.3-1
		{"basic and client_secret", []string{svc}, cc + "&client_secret=" + secret, 400, "invalid_request"},
		{"basic and assertion", []string{svc}, cc + "&client_assertion=x" + assertionType, 400, "invalid_request"},
		{"basic and an assertion's type", []string{svc}, cc + assertionType, 400, "invalid_request"},
		{"client_secret and assertion", nil, cc + two + "&client_assertion=x" + assertionType, 400, "invalid_request"},
		{"basic with another client_id", []string{svc}, cc + "&client_id=web", 400, "invalid_request"},
		{"two headers", []string{svc, svc}, cc, 400, "invalid_request"},
		// R6749-2.3.2-1
		{"basic where post is registered", []string{basic("two", secret)}, cc, 401, "invalid_client"},
		// R6749-2.3.1-2
		{"post where basic is registered", nil, cc + "&client_id=svc&client_secret=" + secret, 401, "invalid_client"},
		{"post without client_id", nil, cc + "&client_secret=" + secret, 401, "invalid_client"},
		// R6749-5.2-2
		{"bearer", []string{"Bearer " + secret}, cc + "&client_id=pub", 401, "invalid_client"},
		{"negotiate", []string{"Negotiate x"}, cc + "&client_id=pub", 401, "invalid_client"},
		// Its last character has bits that base64 leaves unused, and they are set.
		{"basic in base64 that is not canonical", []string{strings.Replace(basic("first", secret), "Y=", "Z=", 1)}, cc, 401, "invalid_client"},
		{"an empty header", []string{""}, cc + "&client_id=pub", 401, "invalid_client"},
		{"basic with an empty secret", []string{basic("svc", "")}, cc, 401, "invalid_client"},
		{"post with an empty secret", nil, cc + "&client_id=two&client_secret=", 401, "invalid_client"},
		// R6749-2.2-1
		{"a confidential client without a credential", nil, cc + "&client_id=svc", 401, "invalid_client"},
		// R6749-2.1-1
		{"a public client with a secret", nil, cc + "&client_id=pub&client_secret=x", 401, "invalid_client"},
		{"a public client with basic", []string{basic("pub", "x")}, cc, 401, "invalid_client"},
		{"a public client cannot act for itself", nil, cc + "&client_id=pub", 400, "unauthorized_client"},
		{"wrong secret", []string{basic("svc", "x")}, cc, 401, "invalid_client"},
		{"another client's id with its case changed", []string{basic("SVC", secret)}, cc, 401, "invalid_client"},
		{"an id with a space after it", []string{basic("svc ", secret)}, cc, 401, "invalid_client"},
		{"an id of 10 KiB", nil, cc + "&client_id=" + strings.Repeat("x", 10<<10), 401, "invalid_client"},
		{"an id that is not ASCII", nil, cc + "&client_id=%EF%BD%93vc", 401, "invalid_client"},
		{"an id with a control character", nil, cc + "&client_id=svc%00", 400, "invalid_request"},
		{"a secret of 10 KiB", nil, cc + "&client_id=two&client_secret=" + strings.Repeat("x", 10<<10), 401, "invalid_client"},
		{"no client", nil, cc, 401, "invalid_client"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			header := http.Header{}
			if tt.authorization != nil {
				header["Authorization"] = tt.authorization
			}
			r := h.raw("/token", header, tt.body).want(t, tt.status, tt.code)
			challenge := r.Header.Get("WWW-Authenticate")
			if want := tt.status == 401 && tt.authorization != nil; want != (challenge != "") {
				t.Errorf("WWW-Authenticate is %q", challenge)
			} else if want && challenge != `Basic realm="`+h.url+`", charset="UTF-8"` {
				t.Errorf("WWW-Authenticate is %q", challenge)
			}
			if e := h.lastEvent(); (e.Err != nil) != (tt.status != 200) {
				t.Errorf("the event's Err is %v", e.Err)
			}
		})
	}
}

// Every endpoint and grant type asks who the client is before anything else.
//
// R6749-2.3.1-3, R6749-3.2.1-1, R6749-3.2.1-2, R6749-4.4.2-1, R6749-10.2-1, R9700-2.5-1
func TestClientAuthenticationEverywhere(t *testing.T) {
	h := newHost(t)
	r := h.login("web")
	for _, form := range []string{
		"/token?grant_type=authorization_code&code=x", "/token?grant_type=refresh_token&refresh_token=" + r.str("refresh_token"),
		"/token?grant_type=client_credentials", "/token?grant_type=unknown", "/introspect?token=" + r.str("access_token"),
		"/revoke?token=" + r.str("refresh_token"), "/revoke?token=" + r.str("access_token"),
	} {
		path, body, _ := strings.Cut(form, "?")
		h.raw(path, http.Header{}, body+"&client_id=web").want(t, 401, "invalid_client")
		h.raw(path, http.Header{"Authorization": {basic("web", "wrong")}}, body).want(t, 401, "invalid_client")
		h.raw(path, http.Header{}, body).want(t, 401, "invalid_client")
		h.raw(path+"?client_id=web", http.Header{"Authorization": {basic("web", secret)}}, body).want(t, 400, "invalid_request")
		h.raw(path+"?client_secret="+secret, http.Header{}, body+"&client_id=web").want(t, 400, "invalid_request")
	}
	h.refresh("web", r.str("refresh_token")).want(t, 200, "")
}

func TestClientUnknownOrKnown(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = apps(func(s registry.Static) { edit(s, "api").Suspended = true })
	})
	ask := func(id, plain string) reply {
		r := h.raw("/token", http.Header{"Authorization": {basic(id, plain)}}, "grant_type=client_credentials").want(t, 401, "invalid_client")
		r.Header.Del("Date")
		return r
	}
	want := ask("svc", "wrong")
	for name, got := range map[string]reply{
		"unknown": ask("nobody", "wrong"), "of another method": ask("two", secret),
		"public": ask("pub", secret), "suspended": ask("api", secret),
	} {
		if got.body != want.body {
			t.Errorf("%s client: got %s, want as for a wrong secret: %s", name, got.body, want.body)
		}
		if diff := gocmp.Diff(want.Header, got.Header); diff != "" {
			t.Errorf("%s client: header (-wrong secret +got):\n%s", name, diff)
		}
	}
}

// Some libraries try Basic with an empty secret first, and then without.
func TestPublicClientTriesBasicFirst(t *testing.T) {
	h := newHost(t)
	v := h.request("pub")
	code := h.signedInAs(oauth.Login{Subject: "alice"}).code(v)
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {loopback}}
	r := h.raw("/token", http.Header{"Authorization": {basic("pub", "")}}, form.Encode()).want(t, 401, "invalid_client")
	if r.Header.Get("WWW-Authenticate") == "" {
		t.Error("no WWW-Authenticate in the answer to Basic")
	}
	h.exchange(v, code).want(t, 200, "")
}

func TestSecretRotation(t *testing.T) {
	var app *registry.App
	h := newHost(t, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { app = edit(s, "svc") }) })
	next := hashed("next-secret")[0]
	next.ID = "2"
	app.Secrets[0].NotAfter = h.clock().Add(time.Hour)
	app.Secrets = append(app.Secrets, next)
	ask := func(plain string) reply {
		return h.raw("/token", http.Header{"Authorization": {basic("svc", plain)}}, "grant_type=client_credentials")
	}
	ask(secret).want(t, 200, "")
	ask("next-secret").want(t, 200, "")
	h.pass(time.Hour)
	ask(secret).want(t, 401, "invalid_client")
	ask("next-secret").want(t, 200, "")
	h.pass(-time.Second)
	ask(secret).want(t, 200, "")
}

// TestSlowHashesAreAskedLast: an app that replaces a secret that people chose by a generated one waits for nobody.
func TestSlowHashesAreAskedLast(t *testing.T) {
	chosen, err := bcrypt.GenerateFromPassword([]byte("chosen"), 10)
	if err != nil {
		t.Fatal(err)
	}
	var app *registry.App
	h := newHost(t, byHeader, func(c *oauth.Config) { c.Apps = apps(func(s registry.Static) { app = edit(s, "svc") }) })
	app.Secrets = append(app.Secrets, registry.Secret{ID: "2", Hash: chosen, NotAfter: h.clock().Add(time.Hour)})
	for range burst {
		h.ask("/token", "192.0.2.1", "", "client_id=nobody").want(t, 401, "invalid_client")
	}
	ask := func(plain string) reply {
		return h.ask("/token", "192.0.2.1", basic("svc", plain), "grant_type=client_credentials")
	}
	release := h.srv.HoldHashing("svc")
	ask(secret).want(t, 200, "")
	release()
	ask("chosen").want(t, 429, "temporarily_unavailable")
	h.ask("/token", "192.0.2.2", basic("svc", "chosen"), "grant_type=client_credentials").want(t, 200, "")
	h.pass(time.Hour)
	h.ask("/token", "192.0.2.2", basic("svc", "chosen"), "grant_type=client_credentials").want(t, 401, "invalid_client")
}

func TestAppsFail(t *testing.T) {
	h := newHost(t, func(c *oauth.Config) {
		c.Apps = appTable{func(id string) (*registry.App, error) {
			app := service("svc", secret, "")
			switch id {
			case "svc", "SVC": // a database that folds case
				return &app, nil
			case "nil":
				return nil, nil
			}
			return nil, errors.New("connection refused by 10.0.0.7")
		}}
	})
	ask := func(id string) reply {
		return h.raw("/token", http.Header{"Authorization": {basic(id, secret)}}, "grant_type=client_credentials")
	}
	ask("svc").want(t, 200, "")
	ask("SVC").want(t, 401, "invalid_client")
	ask("nil").want(t, 401, "invalid_client")
	r := ask("down").want(t, 503, "temporarily_unavailable")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if strings.Contains(r.body, "10.0.0.7") {
		t.Errorf("the cause is in the answer: %s", r.body)
	}
	if e := h.lastEvent(); e.Err == nil || !strings.Contains(e.Err.Error(), "10.0.0.7") {
		t.Errorf("the event's Err is %v, want the cause in it", e.Err)
	}
}

// TestHashesTakeTurns: secrets whose hashes take time and memory are checked a few at once, and one of each app;
// others wait, and apps with a fast hash do not.
func TestHashesTakeTurns(t *testing.T) {
	slow, err := bcrypt.GenerateFromPassword([]byte(secret), 10)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth.Config{Issuer: "https://auth.example.com", Store: memory.New(), Keys: newKeys(t), Secrets: [][]byte{[]byte(secret)},
		Resources: []string{api}, Apps: apps(func(s registry.Static) {
			for _, id := range []string{"svc", "web"} {
				edit(s, id).Secrets = []registry.Secret{{ID: "1", Hash: slow}}
				edit(s, id).Manifest.GrantTypes = []string{"client_credentials"}
			}
		})}
	byHeader(&config)
	run := func(name string, test func(t *testing.T, srv *oauth.Server, token func(app, address, plain string) int)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, err := oauth.New(config)
				if err != nil {
					t.Fatal(err)
				}
				test(t, srv, func(app, address, plain string) int {
					r := httptest.NewRequest("POST", "/token", strings.NewReader("grant_type=client_credentials"))
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					r.Header.Set("Authorization", basic(app, plain))
					r.Header.Set("X-Test-Address", address)
					w := httptest.NewRecorder()
					srv.ServeHTTP(w, r)
					return w.Code
				})
				if n := srv.HashingQueues(); n != 0 {
					t.Errorf("%d queues are remembered when all is over", n)
				}
			})
		})
	}

	run("apps wait for themselves, and for the machine", func(t *testing.T, srv *oauth.Server, token func(app, address, plain string) int) {
		var others []string
		for i := range runtime.GOMAXPROCS(0) {
			others = append(others, strconv.Itoa(i))
		}
		release := srv.HoldHashing(others...)
		if got := token("opaque", "", secret); got != 200 {
			t.Errorf("an app with a fast hash got %d while others hash, want 200", got)
		}
		if got := token("svc", "", secret); got != 503 {
			t.Errorf("an app with a slow hash got %d when its turn did not come, want 503", got)
		}
		release()
		if got := token("svc", "", secret); got != 200 {
			t.Errorf("an app with a slow hash got %d in its turn, want 200", got)
		}
		release = srv.HoldHashing("svc")
		if got := token("svc", "", secret); got != 503 {
			t.Errorf("an app got %d while somebody guesses at it, want 503", got)
		}
		if got := token("web", "", secret); runtime.GOMAXPROCS(0) > 1 && got != 200 {
			t.Errorf("an app got %d while somebody guesses at another, want 200", got)
		}
		release()
	})

	run("guesses from one address wait for one another first", func(t *testing.T, srv *oauth.Server, token func(app, address, plain string) int) {
		const guesses = 5
		release := srv.HoldHashing("svc")
		var guessed atomic.Int32
		for range guesses {
			go func() {
				if got := token("svc", "192.0.2.1", "x"); got != 401 {
					t.Errorf("a guess got %d, want 401", got)
				}
				guessed.Add(1)
			}()
		}
		synctest.Wait()
		go func() {
			if got := token("svc", "192.0.2.2", secret); got != 200 {
				t.Errorf("the app got %d, want 200", got)
			}
			if n := guessed.Load(); n > 2 { // one before it, and one that may overtake it after its hash
				t.Errorf("the app waited for %d guesses", n)
			}
		}()
		synctest.Wait()
		release()
		synctest.Wait()
		if n := guessed.Load(); n != guesses {
			t.Errorf("%d of %d guesses were answered", n, guesses)
		}
	})
}
