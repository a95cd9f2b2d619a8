package attack

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
)

func TestA060(t *testing.T) { run(t) }
func TestA061(t *testing.T) { run(t) }
func TestA063(t *testing.T) { run(t) }
func TestA064(t *testing.T) { run(t) }
func TestA065(t *testing.T) { run(t) }
func TestA066(t *testing.T) { run(t) }
func TestA068(t *testing.T) { run(t) }
func TestA069(t *testing.T) { run(t) }
func TestA073(t *testing.T) { run(t) }
func TestA077(t *testing.T) { run(t) }

// TestA062 sends a verifier for a code that was asked for without a challenge, by an app that may do without.
func TestA062(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := &session{app: "old"}
	r := w.authorizeRequest(s)
	r.params.Del("code_challenge")
	r.params.Del("code_challenge_method")
	s.code = w.authorize(r).location().Get("code")
	exchange := w.exchangeRequest(s)
	exchange.params.Del("code_verifier")
	w.unchanged(func() {
		w.refused(w.do(exchange.with("code_verifier", strings.Repeat("a", 43))), 400, "invalid_grant")
	})
	w.good(w.do(exchange))
}

// TestA070 has verifiers whose challenge holds what standard base64 writes otherwise.
func TestA070(t *testing.T) {
	if got := pkce.Challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"); got != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" {
		t.Errorf("the challenge of RFC 7636, Appendix B is %q", got)
	}
	special := 0
	for range 10_000 {
		v := pkce.NewVerifier()
		c := pkce.Challenge(v)
		if strings.ContainsAny(c, "-_") {
			special++
		}
		if err := pkce.Verify(v, c); err != nil {
			t.Fatalf("a verifier of its own: %v", err)
		}
	}
	if special < 1000 {
		t.Errorf("%d challenges hold a letter that is another in standard base64", special)
	}
}

// TestA071 asks with the challenge of a verifier that is none, so that only its form can refuse it.
func TestA071(t *testing.T) {
	run(t)
	challenge := func(verifier string) string {
		sum := sha256.Sum256([]byte(verifier))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	long := strings.Repeat("a", 128)
	for verifier, good := range map[string]bool{long[:43]: true, long: true, "-._~" + long[:43]: true, long[:42]: false, long + "a": false, "x": false,
		long[:43] + " x": false, long[:43] + "+": false, long[:43] + "/": false, long[:43] + "=": false, long[:43] + "%": false, long[:43] + "\u00e9": false} {
		w := newWorld(t)
		s := &session{app: "spa", verifier: verifier}
		r := w.authorizeRequest(&session{app: "spa", verifier: long})
		s.code = w.authorize(r.with("code_challenge", challenge(verifier))).location().Get("code")
		if a := w.do(w.exchangeRequest(s)); (a.status == http.StatusOK) != good || !good && a.str("error") != "invalid_grant" {
			t.Errorf("a verifier of %d bytes, %.8q to %q: %d %s", len(verifier), verifier, verifier[len(verifier)-1:], a.status, a.body)
		}
	}
}

// TestA072 guesses: it may, for a guess has one chance in 2^256 and a stranger must not kill a code that he saw.
func TestA072(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	exchange := w.exchangeRequest(w.begin("spa"))
	w.unchanged(func() {
		for range 6 {
			w.refused(w.do(exchange.with("code_verifier", pkce.NewVerifier())), 400, "invalid_grant")
		}
	})
	w.good(w.do(exchange))
}

func TestA074(t *testing.T) {
	w := newWorld(t)
	defer w.tight()
	s := w.begin("spa")
	exchange := w.exchangeRequest(s)
	w.unchanged(func() {
		w.refused(w.do(exchange.with("code_verifier", pkce.Challenge(s.verifier))), 400, "invalid_grant")
	})
	w.good(w.do(exchange))
}

// TestA075 is about what is compared: digests, in constant time. How long that takes is BenchmarkTimeEquality of
// package oauth.
func TestA075(t *testing.T) {
	found := false
	paths, _ := filepath.Glob("../../pkce/*.go")
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found = found || !strings.HasSuffix(path, "_test.go") && strings.Contains(string(source), "subtle.ConstantTimeCompare(")
	}
	if !found {
		t.Error("package pkce compares without crypto/subtle")
	}
}

func TestA079(t *testing.T) {
	w := newWorld(t)
	a := w.do(&request{method: http.MethodGet, path: "/.well-known/oauth-authorization-server"})
	if got := fmt.Sprint(a.json["code_challenge_methods_supported"]); got != "[S256]" {
		t.Errorf("code_challenge_methods_supported is %s", got)
	}
}
