package attack

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

func TestA081(t *testing.T) { run(t) }
func TestA082(t *testing.T) { run(t) }
func TestA083(t *testing.T) { run(t) }
func TestA086(t *testing.T) { run(t) }
func TestA087(t *testing.T) { run(t) }
func TestA089(t *testing.T) { run(t) }
func TestA090(t *testing.T) { run(t) }
func TestA091(t *testing.T) { run(t) }
func TestA092(t *testing.T) { run(t) }
func TestA093(t *testing.T) { run(t) }
func TestA095(t *testing.T) { run(t) }
func TestA101(t *testing.T) { run(t) }
func TestA117(t *testing.T) { run(t) }
func TestA119(t *testing.T) { run(t) }
func TestA122(t *testing.T) { run(t) }

// TestA085 writes the right credentials wrongly.
func TestA085(t *testing.T) {
	run(t)
	w := newWorld(t)
	defer w.tight()
	exchange := w.exchangeRequest(w.begin("web"))
	right := strings.TrimPrefix(exchange.header.Get("Authorization"), "Basic ")
	w.unchanged(func() {
		for name, header := range map[string]string{"two spaces": "Basic  " + right, "a tab": "Basic\t" + right, "junk after it": "Basic " + right + " x", "a padding more": "Basic " + right + "=",
			"a space inside": "Basic " + right[:8] + " " + right[8:], "a bad escape": "Basic " + base64.StdEncoding.EncodeToString([]byte("web:"+secretOf("web")+"%zz"))} {
			bad := exchange.with()
			bad.header.Set("Authorization", header)
			if a := w.do(bad); a.status != http.StatusUnauthorized || a.str("error") != "invalid_client" || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: got %d %s", name, a.status, a.body)
			}
		}
	})
	w.good(w.do(exchange))
}

// TestA088 has apps whose stored secret is none.
func TestA088(t *testing.T) {
	run(t)
	empty := sha256.Sum256(nil)
	for name, secrets := range map[string][]registry.Secret{"none": nil, "the hash of nothing": {{ID: "1", Hash: empty[:]}}} {
		w := newWorld(t)
		r := w.exchangeRequest(w.begin("web"))
		w.edited("web", func(a *registry.App) { a.Secrets = secrets })
		for _, header := range []string{"Basic d2ViOg==", r.header.Get("Authorization")} {
			ask := r.with()
			ask.header.Set("Authorization", header)
			w.unchanged(func() { w.refused(w.do(ask), 401, "invalid_client") })
		}
		if name == "none" {
			continue
		}
		if _, ok := (&registry.App{Secrets: secrets}).CheckSecret("", w.now); ok {
			t.Error("an empty secret fits the hash of nothing")
		}
	}
}

// anyCase finds apps whatever the letter case.
type anyCase struct{ registry.Static }

func (f anyCase) App(ctx context.Context, id string) (*registry.App, error) {
	return f.Static.App(ctx, strings.ToLower(strings.TrimSpace(id)))
}

func TestA100(t *testing.T) {
	run(t)
	w := newWorld(t)
	w.config.Apps = anyCase{w.config.Apps.(registry.Static)}
	srv, err := oauth.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]int{"job": 200, "JOB": 401, "job ": 401} {
		r := &request{method: http.MethodPost, path: "/token", header: http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(id, " ", "+")+":"+secretOf("job")))}}}
		r.params = map[string][]string{"grant_type": {"client_credentials"}}
		if rec := w.serve(srv, r); rec.Code != want {
			t.Errorf("%q: got %d, want %d", id, rec.Code, want)
		}
	}
}
