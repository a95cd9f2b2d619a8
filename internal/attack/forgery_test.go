package attack

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/token"
)

// forgery is a JWT in the making: the members of its header and payload in order, as JSON, and how it is signed.
type forgery struct {
	header, claims []member
	sign           func(input string) []byte
	finish         func(compact string) string
}

type member struct{ name, value string }

func text(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func (f *forgery) object(members []member) string {
	var b strings.Builder
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(text(m.name) + ":" + m.value)
	}
	return "{" + b.String() + "}"
}

var b64 = base64.RawURLEncoding

func (f *forgery) String() string {
	input := b64.EncodeToString([]byte(f.object(f.header))) + "." + b64.EncodeToString([]byte(f.object(f.claims)))
	tok := input + "." + b64.EncodeToString(f.sign(input))
	if f.finish != nil {
		tok = f.finish(tok)
	}
	return tok
}

// es256 signs as an ECDSA key does.
func es256(key *ecdsa.PrivateKey) func(string) []byte {
	return func(input string) []byte {
		sum := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
}

// edit changes a forgery that is in order but for that.
type edit func(f *forgery)

func set(members *[]member, name, value string) {
	i := slices.IndexFunc(*members, func(m member) bool { return m.name == name })
	switch {
	case value == "" && i >= 0:
		*members = slices.Delete(*members, i, i+1)
	case i >= 0:
		(*members)[i].value = value
	case value != "":
		*members = append(*members, member{name, value})
	}
}

func head(name, value string) edit       { return func(f *forgery) { set(&f.header, name, value) } }
func claim(name, value string) edit      { return func(f *forgery) { set(&f.claims, name, value) } }
func signed(by func(string) []byte) edit { return func(f *forgery) { f.sign = by } }
func finish(by func(string) string) edit { return func(f *forgery) { f.finish = by } }
func signature(b []byte) edit            { return signed(func(string) []byte { return b }) }
func input(by func(string) string) edit { // makes what is signed of a token
	return func(f *forgery) {
		f.finish = func(tok string) string {
			in := by(tok)
			return in + "." + b64.EncodeToString(f.sign(in))
		}
	}
}
func replaced(header, payload string) edit { // a part that is no object
	return input(func(tok string) string {
		parts := strings.Split(tok, ".")
		if header != "" {
			parts[0] = b64.EncodeToString([]byte(header))
		}
		if payload != "" {
			parts[1] = b64.EncodeToString([]byte(payload))
		}
		return parts[0] + "." + parts[1]
	})
}

// forge makes an access token as the server makes them, by its own key, with the edits.
func (w *world) forge(edits ...edit) string {
	f := &forgery{sign: es256(signers()[0])}
	now := w.clock().Unix()
	f.header = []member{{"typ", `"at+jwt"`}, {"alg", `"ES256"`}, {"kid", text(w.kid())}}
	f.claims = []member{{"iss", text(w.url)}, {"sub", `"alice"`}, {"aud", text(api)}, {"exp", fmt.Sprint(now + 600)}, {"iat", fmt.Sprint(now)},
		{"jti", text(b64.EncodeToString(bytes.Repeat([]byte{1}, 25)))}, {"client_id", `"web"`}, {"scope", `"read write"`}}
	for _, e := range edits {
		e(f)
	}
	return f.String()
}

// kid is that of the server's key.
func (w *world) kid() string {
	var set struct{ Keys []struct{ KID string } }
	decode(w.keys.JWKS(w.clock()), &set)
	return set.Keys[0].KID
}

// offline is the verifier of an API that does not ask.
func (w *world) offline() *token.Verifier {
	v, err := token.NewVerifier(token.VerifierConfig{Issuer: w.url, Audience: api, Keys: w.keys, Now: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	return v
}

// worthless checks that no verifier takes a token, and that none gives claims beside its error.
func (w *world) worthless(tok string) {
	w.t.Helper()
	if c, err := w.offline().Verify(w.t.Context(), tok); err == nil || !errors.Is(err, token.ErrInvalid) || c != nil {
		w.t.Errorf("the verifier gives %+v, %v", c, err)
	}
	if c, err := w.server.Introspect(w.t.Context(), tok); err == nil || !errors.Is(err, token.ErrInvalid) || c != nil {
		w.t.Errorf("Introspect gives %+v, %v", c, err)
	}
	w.unchanged(func() {
		// What no form or header can carry has been refused by the two above.
		if strings.ContainsAny(tok, "\x00\r\n\t") || len(url.QueryEscape(tok)) > 60_000 {
			return
		}
		ask := w.as("api", &request{method: http.MethodPost, path: "/introspect", params: url.Values{"token": {tok}}})
		if a := w.do(ask); tok != "" && (a.status != http.StatusOK || strings.TrimSpace(a.body) != `{"active":false}`) {
			w.t.Errorf("introspection answers %d %s", a.status, a.body)
		}
		if a := w.do(&request{method: http.MethodGet, path: "/api", header: http.Header{"Authorization": {"Bearer " + tok}}}); a.status < 400 || a.status > 401 {
			w.t.Errorf("the guard answers %d", a.status)
		}
	})
}

// forged tries edits, each by itself.
func forged(t *testing.T, all map[string][]edit) {
	t.Helper()
	w := newWorld(t)
	defer w.tight()
	if _, err := w.offline().Verify(t.Context(), w.forge()); err != nil {
		t.Fatalf("the forgery that is in order is refused: %v", err)
	}
	for name, edits := range all {
		t.Run(name, func(t *testing.T) {
			defer func(outer *testing.T) { w.t = outer }(w.t)
			w.t = t
			w.worthless(w.forge(edits...))
		})
	}
}
