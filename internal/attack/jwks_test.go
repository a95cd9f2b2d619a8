package attack

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
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
	other := token.Key{Signer: signers()[1]}
	both, err := token.NewKeys(other, token.Key{Signer: signers()[0]})
	if err != nil {
		t.Fatal(err)
	}
	without, err := token.NewKeys(other)
	if err != nil {
		t.Fatal(err)
	}
	source := &rotating{keys: both}
	ts := httptest.NewServer(source)
	t.Cleanup(ts.Close)
	v, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, JWKSURI: ts.URL, Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	asked := func() int64 { return source.asked.Swap(0) }
	serve := func(keys *token.Keys, fail bool) {
		source.mu.Lock()
		defer source.mu.Unlock()
		source.keys, source.fail = keys, fail
	}
	tok := w.forge(claim("exp", fmt.Sprint(w.clock().Unix()+96*3600)))
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	asked()

	for _, pause := range []time.Duration{0, 29 * time.Second, time.Second, 29 * time.Second, time.Second} { // the cool-down is 30 seconds
		w.pass(pause)
		atOnce(50, func(i int) {
			for n := range 20 {
				if _, err := v.Verify(t.Context(), w.forge(head("kid", text(fmt.Sprint("k", pause, i, n))))); !errors.Is(err, token.ErrInvalid) {
					t.Errorf("by an unknown kid: %v", err)
				}
			}
		})
		want := int64(0)
		if pause == time.Second {
			want = 1
		}
		if n := asked(); n != want {
			t.Errorf("%v later 1,000 unknown kids were asked about %d times, want %d", pause, n, want)
		}
	}

	serve(without, false)
	w.pass(59 * time.Second)
	if _, err := v.Verify(t.Context(), tok); err != nil || asked() != 0 {
		t.Errorf("while the set may be kept: %v, want nobody to be asked", err)
	}
	w.pass(time.Second)
	for range 3 {
		if _, err := v.Verify(t.Context(), tok); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("by a key that was taken out a minute ago: %v", err)
		}
	}
	if n := asked(); n != 1 {
		t.Errorf("the set was asked for %d times, want once", n)
	}

	serve(both, false)
	w.pass(time.Minute)
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Errorf("by a key that is back: %v", err)
	}
	serve(both, true)
	w.pass(24 * time.Hour)
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Errorf("while the endpoint is down: %v", err)
	}
	w.pass(time.Second)
	if _, err := v.Verify(t.Context(), tok); err == nil || errors.Is(err, token.ErrInvalid) {
		t.Errorf("after a day without keys: %v, want an error that says that nothing is known", err)
	}
	serve(without, false)
	w.pass(30 * time.Second)
	if _, err := v.Verify(t.Context(), tok); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("by a key that was taken out meanwhile: %v", err)
	}
	endlessKeys(t, tok)
}

// endlessKeys has an endpoint that sends no end, and one that sends nothing.
func endlessKeys(t *testing.T, tok string) {
	verify := func(t *testing.T, answer roundTrip) {
		t.Helper()
		v, err := token.NewVerifier(token.VerifierConfig{Issuer: "https://auth.example.com", Audience: api, JWKSURI: "https://auth.example.com/jwks", HTTP: &http.Client{Transport: answer}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(t.Context(), tok); err == nil || errors.Is(err, token.ErrInvalid) {
			t.Errorf("got %v, want an error that says that nothing is known", err)
		}
	}
	body := new(endless)
	verify(t, func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Body: io.NopCloser(body)}, nil
	})
	if body.read > 256<<10+1 {
		t.Errorf("%d bytes were read, want 256 KiB and one", body.read)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		verify(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("it took %v, want 5 s", took)
		}
	})
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

// TestA242 has clocks that are wrong beyond all measure, and lifetimes that are none: there is an error, and no token.
func TestA242(t *testing.T) {
	t.Run("JWT", func(t *testing.T) { wrongClocks(t, newWorld(t)) })
	t.Run("opaque", func(t *testing.T) {
		w := newWorld(t)
		w.edited("job", func(a *registry.App) { a.Policy.Opaque = true })
		wrongClocks(t, w)
	})
}

func wrongClocks(t *testing.T, w *world) {
	defer w.tight()
	now := w.clock()
	set := func(now time.Time) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.now = now
	}
	for _, at := range []time.Time{{}, time.Unix(-1, 0), time.Unix(-1<<40, 0), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 30, 0, time.UTC), time.Unix(1<<62, 0)} {
		c := &token.Claims{Issuer: w.url, Subject: "a", Audience: []string{api}, ClientID: "web", ID: "x", IssuedAt: at, Expires: at.Add(time.Minute)}
		if _, err := w.keys.Sign(c); err == nil {
			t.Errorf("a token of %v is minted", at)
		}
		set(at)
		w.unchanged(func() { w.refused(w.do(w.credentials("job")), 500, "server_error") })
		set(now)
	}
	for _, lifetime := range []time.Duration{0, -time.Second, 1<<63 - 1, -1 << 63} {
		c := &token.Claims{Issuer: w.url, Subject: "a", Audience: []string{api}, ClientID: "web", ID: "x", IssuedAt: now, Expires: now.Add(lifetime)}
		if _, err := w.keys.Sign(c); err == nil {
			t.Errorf("a token that lives for %v is minted", lifetime)
		}
	}
	for name, lifetime := range map[string]func(*oauth.Config) *time.Duration{
		"AccessLifetime": func(c *oauth.Config) *time.Duration { return &c.AccessLifetime }, "CodeLifetime": func(c *oauth.Config) *time.Duration { return &c.CodeLifetime },
		"GrantLifetime": func(c *oauth.Config) *time.Duration { return &c.GrantLifetime }, "RefreshLifetime": func(c *oauth.Config) *time.Duration { return &c.RefreshLifetime },
	} {
		for _, d := range []time.Duration{-1, -time.Second, 1, 1 << 62, 1<<63 - 1, -1 << 63} {
			c := w.config
			*lifetime(&c) = d
			if _, err := oauth.New(c); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s of %v: %v", name, d, err)
			}
		}
		// Zero is the default, and no token that has expired when it comes.
		c := w.config
		*lifetime(&c) = 0
		srv, err := oauth.New(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := srv.Issue(t.Context(), "web", oauth.Approval{Login: w.login})
		if err != nil || got.ExpiresIn != 15*time.Minute {
			t.Errorf("%s of zero: a token for %v, %v", name, got.ExpiresIn, err)
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

// TestA244 reads which go-jose is built with, and tries what the versions before it let pass.
func TestA244(t *testing.T) {
	w := newWorld(t)
	for _, date := range []string{"1e300", "4611686018427387904", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e19"} {
		for _, name := range []string{"exp", "nbf", "iat"} {
			if name != "nbf" || date[0] != '-' { // before which every time is past
				w.worthless(w.forge(claim(name, date)))
			}
		}
	}
	if _, err := token.NewKeys(token.Key{Signer: otherKeys().p384, Algorithm: "ES256"}); err == nil {
		t.Error("a key of P-384 signs as ES256")
	}
	p384, err := token.NewKeys(token.Key{ID: w.kid(), Signer: otherKeys().p384})
	if err != nil {
		t.Fatal(err)
	}
	for name, jwks := range map[string]string{"as it is": string(p384.JWKS(w.clock())), "as a key of ES256": strings.Replace(string(p384.JWKS(w.clock())), "ES384", "ES256", 1)} {
		v, err := w.jwksVerifier(jwks)
		if err != nil {
			continue // no key that could verify
		}
		tok := w.forge(signed(func(input string) []byte {
			sum := sha256.Sum256([]byte(input))
			r, s, err := ecdsa.Sign(rand.Reader, otherKeys().p384, sum[:])
			if err != nil {
				t.Fatal(err)
			}
			return append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...)
		}))
		if _, err := v.Verify(t.Context(), tok); err == nil {
			t.Errorf("the key of P-384, %s, verifies ES256", name)
		}
	}
	if _, err := token.NewKeys(token.Key{Signer: indiscreet{signers()[0]}}); err == nil {
		t.Error("a signer that gives its private key for the public one is taken")
	}

	// What go-jose itself reads keys with.
	key := []byte(strings.TrimSuffix(strings.TrimPrefix(string(w.keys.JWKS(w.clock())), `{"keys":[`), "}]}") + `,"z":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + "}")
	if new(gojose.JSONWebKey).UnmarshalJSON(key) == nil {
		t.Error("go-jose reads a key of 10,001 levels")
	}

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

// indiscreet is a signer that publishes what it signs with.
type indiscreet struct{ *ecdsa.PrivateKey }

func (s indiscreet) Public() crypto.PublicKey { return s.PrivateKey }
