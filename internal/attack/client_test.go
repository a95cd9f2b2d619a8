package attack

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

func TestA081(t *testing.T) { run(t) }
func TestA083(t *testing.T) { run(t) }
func TestA086(t *testing.T) { run(t) }
func TestA087(t *testing.T) { run(t) }
func TestA089(t *testing.T) { run(t) }
func TestA090(t *testing.T) { run(t) }
func TestA091(t *testing.T) { run(t) }
func TestA092(t *testing.T) { run(t) }
func TestA093(t *testing.T) { run(t) }
func TestA101(t *testing.T) { run(t) }
func TestA117(t *testing.T) { run(t) }
func TestA119(t *testing.T) { run(t) }

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

// hashers counts the goroutines of this process that are at a slow hash now.
func hashers() int {
	var stacks []runtime.StackRecord
	for n := runtime.NumGoroutine() + 100; ; n *= 2 {
		stacks = make([]runtime.StackRecord, n)
		got, ok := runtime.GoroutineProfile(stacks)
		if ok {
			stacks = stacks[:got]
			break
		}
	}
	return len(slices.DeleteFunc(stacks, func(r runtime.StackRecord) bool {
		frames := runtime.CallersFrames(r.Stack())
		for more := true; more; {
			var f runtime.Frame
			if f, more = frames.Next(); f.Function == "golang.org/x/crypto/argon2.IDKey" {
				return false
			}
		}
		return true
	}))
}

// TestA095 guesses at secrets whose hashes are slow, a thousand guesses at once: of one app one is hashed at a time, and
// of all no more than there are processors. A secret that is too long costs no hash.
func TestA095(t *testing.T) {
	run(t)
	w := newWorld(t, quiet, func(c *oauth.Config) {
		c.Limiter, c.Address = unlimited{}, func(r *http.Request) string { return r.Header.Get("X-Address") }
	})
	apps := []string{"job", "web", "rival", "old", "opaque", "api"}
	slow := func(kibibytes int) {
		hash := fmt.Sprintf("$argon2id$v=19$m=%d,t=1,p=2$c29tZSBzYWx0$%s", kibibytes, strings.Repeat("A", 43))
		for _, id := range apps {
			w.edited(id, func(a *registry.App) { a.Secrets = []registry.Secret{{ID: "1", Hash: []byte(hash)}} })
		}
	}
	var guesses atomic.Int64
	guess := func(app, secret string) int {
		r := w.credentials(app)
		r.header.Set("X-Address", fmt.Sprint("192.0.2.", guesses.Add(1)%50))
		r.header.Set("Authorization", basicOf(app, secret))
		return w.serve(w.server, r).Code
	}

	slow(256)
	flood := func(apps []string, want int) {
		t.Helper()
		var others, most atomic.Int64
		atOnce(1000, func(i int) {
			// One whose turn does not come in time gets no answer about the secret.
			if got := guess(apps[i%len(apps)], fmt.Sprint("guess", i)); got != http.StatusUnauthorized && got != http.StatusServiceUnavailable {
				others.Add(1)
			}
			if i%10 == 0 {
				n := int64(hashers())
				for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
				}
			}
		})
		if n := others.Load(); n > 0 {
			t.Errorf("%d guesses get neither 401 nor 503", n)
		}
		if n := int(most.Load()); n < 1 || n > want {
			t.Errorf("%d were seen to hash at once for %d apps, want 1 to %d", n, len(apps), want)
		}
	}
	flood(apps[:1], 1)
	flood(apps, runtime.GOMAXPROCS(0))

	slow(64 << 10)
	for n, want := range map[int]bool{512: true, 513: false} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if got := guess("job", strings.Repeat("a", n)); got != http.StatusUnauthorized {
			t.Errorf("a secret of %d bytes gets %d", n, got)
		}
		runtime.ReadMemStats(&after)
		if hashed := after.TotalAlloc-before.TotalAlloc >= 64<<20; hashed != want {
			t.Errorf("a secret of %d bytes was hashed: %t, want %t", n, hashed, want)
		}
	}
}

// unlimited lets everybody be wrong as often as they like.
type unlimited struct{}

func (unlimited) Wait(context.Context, string) time.Duration { return 0 }
func (unlimited) Failed(context.Context, string)             {}
