package attack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/token"
)

// rotating serves a key set that can be changed, and counts who asks.
type rotating struct {
	mu    sync.Mutex
	keys  *token.Keys
	fail  bool
	asked atomic.Int64
}

func (r *rotating) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.asked.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Cache-Control", "max-age=60")
	w.Write(r.keys.JWKS(time.Unix(2_000_000_000, 0)))
}

func TestA239(t *testing.T) {
	w := newWorld(t)
	source := &rotating{keys: w.keys}
	ts := httptest.NewServer(source)
	t.Cleanup(ts.Close)
	v, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, JWKSURI: ts.URL, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	tok := w.forge(claim("exp", fmt.Sprint(w.clock().Unix()+48*3600)))
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 { // unknown kids
		v.Verify(t.Context(), w.forge(head("kid", text(fmt.Sprint("k", i)))))
	}
	if n := source.asked.Load(); n > 2 {
		t.Errorf("1,000 unknown kids were asked about %d times", n)
	}
	source.mu.Lock()
	source.fail = true
	source.mu.Unlock()
	w.pass(time.Hour)
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Errorf("while the endpoint is down: %v", err)
	}
	w.pass(25 * time.Hour)
	if _, err := v.Verify(t.Context(), tok); err == nil || errors.Is(err, token.ErrInvalid) {
		t.Errorf("after a day without keys: %v, want an error that says that nothing is known", err)
	}
	source.mu.Lock()
	source.fail = false
	source.keys, _ = token.NewKeys(token.Key{Signer: signers()[1]})
	source.mu.Unlock()
	w.pass(2 * time.Minute)
	for range 3 {
		v.Verify(t.Context(), tok)
	}
	if _, err := v.Verify(t.Context(), tok); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("by a key that was taken out: %v", err)
	}
}

// TestA240 reads what is published of keys of each kind.
func TestA240(t *testing.T) {
	w := newWorld(t)
	keys, err := token.NewKeys(token.Key{Signer: signers()[0]}, token.Key{Signer: otherKeys().rsa}, token.Key{Signer: otherKeys().p384}, token.Key{Signer: otherKeys().ed})
	if err != nil {
		t.Fatal(err)
	}
	d, _ := signers()[0].Bytes()
	secrets := []string{b64.EncodeToString(d), b64.EncodeToString(otherKeys().rsa.D.Bytes()), b64.EncodeToString(otherKeys().ed.Seed())}
	for _, p := range otherKeys().rsa.Primes {
		secrets = append(secrets, b64.EncodeToString(p.Bytes()))
	}
	for _, doc := range []string{string(keys.JWKS(w.clock())), w.do(&request{method: http.MethodGet, path: "/jwks"}).body} {
		for _, secret := range secrets {
			if strings.Contains(doc, secret) {
				t.Error("a secret part is published")
			}
		}
		var set struct{ Keys []map[string]any }
		decode([]byte(doc), &set)
		for _, key := range set.Keys {
			for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k", "oth"} {
				if _, ok := key[name]; ok {
					t.Errorf("%s of a key is published", name)
				}
			}
		}
	}
}

// TestA241 has no hook that could set a header: a profile names the type of a token, and no more.
func TestA241(t *testing.T) {
	w := newWorld(t)
	for _, typ := range []string{"at+jwt\",\"alg\":\"none", "a\nb"} {
		tok, err := w.keys.SignJWT(typ, []byte(`{}`), w.clock())
		if err != nil {
			continue
		}
		var header map[string]any
		b, _ := b64.DecodeString(strings.Split(tok, ".")[0])
		if err := json.Unmarshal(b, &header); err != nil || header["alg"] != "ES256" || len(header) != 3 {
			t.Errorf("a type of %q makes the header %s", typ, b)
		}
	}
}

func TestA242(t *testing.T) {
	w := newWorld(t)
	for _, at := range []time.Time{{}, time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(-1, 0)} {
		c := &token.Claims{Issuer: w.url, Subject: "a", Audience: []string{api}, ClientID: "web", ID: "x", IssuedAt: at, Expires: at.Add(time.Minute)}
		if tok, err := w.keys.Sign(c); err == nil {
			if _, err := w.offline().Verify(t.Context(), tok); err == nil {
				t.Errorf("a token of %v is minted and good", at)
			}
		}
	}
	for name, change := range map[string]func(*oauth.Config){
		"AccessLifetime": func(c *oauth.Config) { c.AccessLifetime = -time.Second }, "CodeLifetime": func(c *oauth.Config) { c.CodeLifetime = 1 << 62 },
		"GrantLifetime": func(c *oauth.Config) { c.GrantLifetime = 1<<63 - 1 }, "RefreshLifetime": func(c *oauth.Config) { c.RefreshLifetime = -1 },
	} {
		c := w.config
		change(&c)
		if _, err := oauth.New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestA243 mints while keys rotate.
func TestA243(t *testing.T) {
	w := newWorld(t)
	both := []token.Key{{ID: "0", Signer: signers()[0]}, {ID: "1", Signer: signers()[1]}}
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; !stop.Load(); i++ {
			keys := []token.Key{both[0], both[1]}
			keys[i%2].NotBefore = time.Unix(int64(1_900_000_000+i), 0)
			if err := w.keys.Replace(keys...); err != nil {
				t.Error(err)
			}
		}
	})
	all, err := token.NewKeys(both...)
	if err != nil {
		t.Fatal(err)
	}
	v, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, Keys: all, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.keys.Replace(both...); err != nil {
		t.Fatal(err)
	}
	atOnce(50, func(int) {
		for range 10 {
			tok, err := w.keys.Sign(&token.Claims{Issuer: w.url, Subject: "a", Audience: []string{api}, ClientID: "web", ID: "x", IssuedAt: w.clock(), Expires: w.clock().Add(time.Minute)})
			if err == nil {
				_, err = v.Verify(t.Context(), tok)
			}
			if err != nil && !strings.Contains(err.Error(), "kid") {
				t.Error(err)
			}
		}
	})
	stop.Store(true)
	wg.Wait()
}

func TestA244(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		if f := strings.Fields(line); len(f) > 1 && f[len(f)-2] == "github.com/go-jose/go-jose/v4" {
			var minor, patch int
			if fmt.Sscanf(f[len(f)-1], "v4.%d.%d", &minor, &patch); minor < 1 || minor == 1 && patch < 8 {
				t.Errorf("go-jose is %s, want v4.1.8 or later", f[len(f)-1])
			}
			return
		}
	}
	t.Error("go.mod does not name go-jose")
}
