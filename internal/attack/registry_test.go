package attack

import (
	"net/http"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
)

// metadata is where RFC 8414 has it.
func (w *world) metadata(path string) *answer {
	w.t.Helper()
	return w.do(&request{method: http.MethodGet, path: path, header: make(http.Header)})
}

const wellKnown = "/.well-known/oauth-authorization-server"

// TestA277 names other hosts in every header that a proxy might set.
func TestA277(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	want := w.metadata(wellKnown).body
	headers := http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"host=evil.example;proto=https"},
		"X-Original-Url": {"https://evil.example/"}, "X-Forwarded-Prefix": {"/evil"}, "X-Rewrite-Url": {"/evil"}}
	send := func(r *request) *answer {
		t.Helper()
		req, err := http.NewRequest(r.method, w.url+r.path+"?"+r.params.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header, req.Host = headers.Clone(), "evil.example"
		return w.send(req)
	}
	if got := send(&request{method: http.MethodGet, path: wellKnown}).body; got != want || strings.Contains(got, "evil") {
		t.Errorf("metadata is %s", got)
	}
	r := w.authorizeRequest(&session{app: "web", verifier: strings.Repeat("v", 43)})
	for _, a := range []*answer{send(r), send(r.with("scope", "bogus")), send(r.with("client_id", "nobody"))} {
		for name, values := range a.header {
			if strings.Contains(strings.Join(values, " "), "evil") {
				t.Errorf("%s is %q", name, values)
			}
		}
		if strings.Contains(a.body, "evil") {
			t.Errorf("the page is %q", a.body)
		}
	}
}

func TestA278(t *testing.T) {
	w := newWorld(t)
	for issuer, ok := range map[string]bool{
		"https://auth.example.com": true, "https://auth.example.com/t1": true, "http://127.0.0.1:8080": true,
		"https://auth.example.com?x=1": false, "https://auth.example.com#x": false, "https://auth.example.com?": false, "https://auth.example.com#": false,
		"https://user@auth.example.com": false, "http://auth.example.com": false, "https://auth.example.com ": false, " https://auth.example.com": false,
		"ftp://auth.example.com": false, "https://": false, "auth.example.com": false, "": false, "https://auth.example.com/a/../b": false,
	} {
		c := w.config
		c.Issuer = issuer
		srv, err := oauth.New(c)
		if (err == nil) != ok {
			t.Errorf("%q: %v, want accepted: %t", issuer, err, ok)
		}
		if err == nil {
			path := strings.TrimPrefix(strings.TrimPrefix(issuer, "https://auth.example.com"), "http://127.0.0.1:8080")
			var doc struct {
				Issuer string `json:"issuer"`
			}
			decode(w.serve(srv, &request{method: http.MethodGet, path: wellKnown + path, header: make(http.Header)}).Body.Bytes(), &doc)
			if doc.Issuer != issuer {
				t.Errorf("%q is %q in the metadata", issuer, doc.Issuer)
			}
		}
	}
}

func TestA279(t *testing.T) {
	w := newWorld(t, func(c *oauth.Config) { c.Issuer = "https://auth.example.com/t1" })
	for path, want := range map[string]int{
		wellKnown + "/t1": 200, wellKnown + "/t2": 404, wellKnown + "/t1/x": 404, wellKnown + "/T1": 404,
		"/.well-known/openid-configuration/t2": 404, "/t2" + wellKnown: 404, "/.well-known/nothing/t1": 404, wellKnown + "/%74%32": 404,
	} {
		if a := w.metadata(path); a.status != want || want == 200 && a.str("issuer") != "https://auth.example.com/t1" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

func TestA281(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{wellKnown, "/jwks"} {
		a := w.metadata(path)
		if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/") || a.json == nil ||
			!strings.Contains(a.header.Get("Cache-Control"), "max-age") || a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
	for _, path := range []string{wellKnown + "/no", "/jwks/no"} {
		if a := w.metadata(path); a.status != 404 || strings.Contains(a.header.Get("Cache-Control"), "max-age") {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
}

// manifest is one in order, with a change.
func manifest(change func(*registry.Manifest)) *registry.Manifest {
	m := &registry.Manifest{Name: "Web", RedirectURIs: []string{"https://web.example.com/cb"}, Scopes: []string{"read"}}
	change(m)
	return m
}

func TestA284(t *testing.T) { run(t) }
func TestA286(t *testing.T) { run(t) }

// TestA290 is also A386: the version decides, and what was suspended stays so.
func TestA290(t *testing.T) {
	reg, err := registry.New(registry.Config{Store: memory.New()})
	if err != nil {
		t.Fatal(err)
	}
	dev, staff := registry.Actor{Subject: "dev"}, registry.Actor{Subject: "staff", Staff: true}
	if err := reg.Create(t.Context(), &registry.App{ID: "web", Owner: "dev", Manifest: *manifest(func(*registry.Manifest) {})}); err != nil {
		t.Fatal(err)
	}
	update := func(by registry.Actor, change func(a *registry.App) error) error {
		_, err := reg.Update(t.Context(), "web", change)
		return err
	}
	atOnce(20, func(i int) {
		if i == 7 {
			for update(staff, func(a *registry.App) error { return a.Halt(staff, true) }) != nil {
			}
			return
		}
		update(dev, func(a *registry.App) error {
			return a.Propose(dev, *manifest(func(m *registry.Manifest) { m.Description = "new" }))
		})
	})
	update(dev, func(a *registry.App) error { return a.Halt(dev, false) })
	if a, err := reg.App(t.Context(), "web"); err != nil || !a.Suspended || a.Active() {
		t.Errorf("the app is %+v, %v", a, err)
	}
}

// TestA291 deletes an app that is in use.
func TestA291(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s, begun := w.signIn("web"), w.begin("web")
	dev := registry.Actor{Subject: "dev"}
	w.edited("web", func(a *registry.App) { a.Owner = "dev" })
	w.edited("web", func(a *registry.App) {
		if err := a.Delete(dev); err != nil {
			t.Fatal(err)
		}
	})
	w.refused(w.do(w.exchangeRequest(begun)), 401, "invalid_client")
	w.refused(w.do(w.refreshRequest(s)), 401, "invalid_client")
	if w.active(s.access) {
		t.Error("the access token is active")
	}
	shown(t, w.do(w.authorizeRequest(&session{app: "spa", verifier: strings.Repeat("v", 43)}).with("client_id", "web")), http.StatusBadRequest)
	reg, err := registry.New(registry.Config{Store: memory.New()})
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.Create(t.Context(), &registry.App{ID: "web", Owner: "dev"}); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Update(t.Context(), "web", func(a *registry.App) error { return a.Delete(dev) }); err != nil {
		t.Fatal(err)
	}
	if err := reg.Create(t.Context(), &registry.App{ID: "web", Owner: "other"}); err == nil {
		t.Error("the id was given out again")
	}
}

// TestA282 registers itself, where there is no such endpoint.
func TestA282(t *testing.T) {
	w := newWorld(t)
	r := &request{method: http.MethodPost, path: "/register", raw: `{"redirect_uris":["https://a.example"]}`, header: http.Header{"Content-Type": {"application/json"}}}
	if a := w.do(r); a.status != http.StatusNotFound || a.writes != 0 {
		t.Errorf("got %d and %d writes", a.status, a.writes)
	}
}
