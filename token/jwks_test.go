package token_test

import (
	"crypto"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/token"
)

// R7517-9-1, R8414-2-4
func TestJWKSIsPublic(t *testing.T) {
	var ring []token.Key
	for _, alg := range algorithms {
		ring = append(ring, token.Key{ID: alg, Algorithm: alg, Signer: signers()[alg]},
			token.Key{ID: alg + "-hsm", Algorithm: alg, Signer: struct{ crypto.Signer }{signers()[alg]}})
	}
	doc := newKeys(t, ring...).JWKS(start)
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(doc, &set); err != nil || len(set.Keys) != len(ring) {
		t.Fatalf("JWKS: %d keys, %v, want %d: %s", len(set.Keys), err, len(ring), doc)
	}
	want := map[string][]string{"EC": {"alg", "crv", "kid", "kty", "use", "x", "y"}, "OKP": {"alg", "crv", "kid", "kty", "use", "x"}, "RSA": {"alg", "e", "kid", "kty", "n", "use"}}
	for i, k := range set.Keys {
		if got := slices.Sorted(maps.Keys(k)); !slices.Equal(got, want[k["kty"]]) {
			t.Errorf("key %s has the members %q, want %q", k["kid"], got, want[k["kty"]])
		}
		if k["kid"] != ring[i].ID || k["alg"] != ring[i].Algorithm || k["use"] != "sig" {
			t.Errorf("key %d: %v, want %s", i, k, ring[i].ID)
		}
	}
}

func TestJWKSPublishes(t *testing.T) {
	keys := newKeys(t,
		token.Key{ID: "old", Signer: signers()["EdDSA"], NotAfter: start.Add(time.Hour)},
		token.Key{ID: "next", Signer: signers()["ES256"], NotBefore: start.Add(time.Hour), NotAfter: start.Add(2 * time.Hour)})
	for d, want := range map[time.Duration]string{
		0: "old next", time.Hour: "old next", time.Hour + 1: "next", 2 * time.Hour: "next", 2*time.Hour + 1: "",
	} {
		var set struct{ Keys []struct{ Kid string } }
		doc := keys.JWKS(start.Add(d))
		if err := json.Unmarshal(doc, &set); err != nil || set.Keys == nil {
			t.Errorf("after %v: %s, %v", d, doc, err)
		}
		var got []string
		for _, k := range set.Keys {
			got = append(got, k.Kid)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("after %v: keys %q, want %q", d, got, want)
		}
	}
}

func TestHandler(t *testing.T) {
	clock := newClock()
	keys := newKeys(t,
		token.Key{ID: "old", Signer: signers()["EdDSA"], NotAfter: start.Add(10 * time.Minute)},
		token.Key{ID: "new", Signer: signers()["ES256"], NotBefore: start.Add(8 * time.Minute)})
	srv := httptest.NewServer(keys.Handler(clock.Now))
	defer srv.Close()
	ask := func(method string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	for _, step := range []struct {
		d    time.Duration
		want string
	}{
		{0, "public, max-age=300"},
		{5 * time.Minute, "public, max-age=300"},
		{4 * time.Minute, "public, max-age=60"},
		{59500 * time.Millisecond, "public, max-age=0"},
		{500 * time.Millisecond, "public, max-age=0"},
		{1, "public, max-age=300"}, // the old key is gone
	} {
		clock.Add(step.d)
		if got := ask("GET").Header.Get("Cache-Control"); got != step.want {
			t.Errorf("at %v: Cache-Control %q, want %q", clock.Now().Sub(start), got, step.want)
		}
	}
	for _, method := range []string{"GET", "HEAD"} {
		res := ask(method)
		want := map[string]string{"Content-Type": "application/jwk-set+json", "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
		for name, value := range want {
			if got := res.Header.Get(name); got != value {
				t.Errorf("%s: %s %q, want %q", method, name, got, value)
			}
		}
		if res.StatusCode != 200 || res.ContentLength != int64(len(keys.JWKS(clock.Now()))) {
			t.Errorf("%s: status %d, %d bytes", method, res.StatusCode, res.ContentLength)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if res := ask(method); res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q, want 405", method, res.StatusCode, res.Header.Get("Allow"))
		}
	}
	w := httptest.NewRecorder()
	keys.Handler(nil).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 {
		t.Errorf("without a clock: status %d, want 200", w.Code)
	}
}
