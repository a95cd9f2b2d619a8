package jose_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
	"github.com/oauthcore/oauthcore/internal/jose"
)

// issuer answers for a key set inside a bubble of synctest.
type issuer struct {
	mu     sync.Mutex
	asked  int
	kid    string        // of the one key
	header string        // Cache-Control
	delay  time.Duration // before an answer
	down   error
}

func (s *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked++
	kid, header, delay, down := s.kid, s.header, s.delay, s.down
	s.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if down != nil {
		return nil, down
	}
	body := fmt.Appendf(nil, `{"keys":[%s]}`, publicJWK("EdDSA", map[string]any{"kid": kid}))
	return &http.Response{
		StatusCode: 200, Request: r, ContentLength: -1,
		Header: http.Header{"Cache-Control": {header}}, Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

func (s *issuer) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *issuer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *issuer) remote() *jose.Remote {
	return jose.NewRemote("https://as.example/jwks", fetch.New(&http.Client{Transport: s}), nil)
}

// token returns a JWS that names a kid, signed by the one key there is.
func tokenOf(t testing.TB, kid string) *jose.JWS {
	t.Helper()
	j, err := jose.Parse(sign(t, "EdDSA", fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, kid), `{}`))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func bubble(t *testing.T, name string, f func(t *testing.T, s *issuer, r *jose.Remote)) {
	t.Run(name, func(t *testing.T) {
		signers() // outside: a bubble may not wait for what was made in another
		synctest.Test(t, func(t *testing.T) {
			s := &issuer{kid: "a"}
			f(t, s, s.remote())
		})
	})
}

func TestRemote(t *testing.T) {
	unreachable := errors.New("unreachable")
	// check verifies a token and says which of the three answers came.
	check := func(t *testing.T, r *jose.Remote, kid, want string) {
		t.Helper()
		got := "good"
		if err := r.Verify(t.Context(), tokenOf(t, kid), nil); errors.Is(err, jose.ErrInvalid) {
			got = "not good"
		} else if err != nil {
			got = "not answered"
		}
		if got != want {
			t.Errorf("kid %q: %s, want %s", kid, got, want)
		}
	}
	asked := func(t *testing.T, s *issuer, want int) {
		t.Helper()
		if got := s.count(); got != want {
			t.Errorf("the issuer was asked %d times, want %d", got, want)
		}
	}

	bubble(t, "is fetched by the first use, once for all", func(t *testing.T, s *issuer, r *jose.Remote) {
		asked(t, s, 0)
		s.delay = time.Second
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { check(t, r, "a", "good") })
		}
		wg.Wait()
		asked(t, s, 1)
	})

	for header, fresh := range map[string]time.Duration{
		"": 5 * time.Minute, "max-age=600": 10 * time.Minute, "max-age=1": time.Minute, "no-store": time.Minute, "max-age=86400": time.Hour,
	} {
		bubble(t, fmt.Sprintf("is kept for %v by %q", fresh, header), func(t *testing.T, s *issuer, r *jose.Remote) {
			s.header = header
			check(t, r, "a", "good")
			time.Sleep(fresh - time.Nanosecond)
			check(t, r, "a", "good")
			asked(t, s, 1)
			s.set(func() { s.kid = "b" })
			time.Sleep(time.Nanosecond)
			check(t, r, "a", "not good")
			check(t, r, "b", "good")
			asked(t, s, 2)
		})
	}

	bubble(t, "is asked about unknown keys once an interval", func(t *testing.T, s *issuer, r *jose.Remote) {
		check(t, r, "a", "good")
		s.set(func() { s.kid = "b" })
		for i := range 1000 {
			check(t, r, fmt.Sprint("unknown-", i), "not good")
		}
		asked(t, s, 1)
		time.Sleep(30 * time.Second)
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() { check(t, r, fmt.Sprint("unknown-", i), "not good") })
		}
		wg.Wait()
		asked(t, s, 2)
		check(t, r, "b", "good")
		check(t, r, "a", "not good")
		asked(t, s, 2)
	})

	bubble(t, "is not asked for a wrong signature or algorithm of a known key", func(t *testing.T, s *issuer, r *jose.Remote) {
		check(t, r, "a", "good")
		time.Sleep(time.Minute)
		parts := strings.Split(sign(t, "EdDSA", `{"alg":"EdDSA","kid":"a"}`, `{}`), ".")
		forged, err := jose.Parse(parts[0] + "." + b64([]byte(`{"a":1}`)) + "." + parts[2])
		if err != nil {
			t.Fatal(err)
		}
		other, err := jose.Parse(sign(t, "ES256", `{"alg":"ES256","kid":"a"}`, `{}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range []*jose.JWS{forged, other} {
			if err := r.Verify(t.Context(), j, nil); !errors.Is(err, jose.ErrInvalid) {
				t.Errorf("Verify: %v, want ErrInvalid", err)
			}
		}
		asked(t, s, 1)
	})

	bubble(t, "serves stale keys for a day while the issuer is down, and nobody waits", func(t *testing.T, s *issuer, r *jose.Remote) {
		check(t, r, "a", "good")
		s.set(func() { s.down = unreachable; s.delay = time.Hour })
		time.Sleep(5 * time.Minute)
		start := time.Now()
		check(t, r, "a", "good")
		if took := time.Since(start); took != fetch.Timeout {
			t.Errorf("the first to notice waited %v, want %v", took, fetch.Timeout)
		}
		for time.Since(start) < 23*time.Hour {
			before := time.Now()
			check(t, r, "a", "good")
			if took := time.Since(before); took != 0 {
				t.Fatalf("a caller waited %v for an issuer that is known to be down", took)
			}
			time.Sleep(10 * time.Minute)
		}
		check(t, r, "unknown", "not answered")
		time.Sleep(time.Hour)
		check(t, r, "a", "not answered")
		s.set(func() { s.down = nil; s.delay = 0 })
		time.Sleep(30 * time.Second)
		check(t, r, "a", "good")
	})

	bubble(t, "tries a dead issuer at most every 30 seconds", func(t *testing.T, s *issuer, r *jose.Remote) {
		check(t, r, "a", "good")
		s.set(func() { s.down = unreachable })
		time.Sleep(5 * time.Minute)
		for range 600 {
			check(t, r, "a", "good")
			check(t, r, "unknown", "not answered")
			time.Sleep(time.Second)
		}
		if got := s.count(); got > 22 {
			t.Errorf("the issuer was asked %d times in ten minutes, want at most 21 and the first", got)
		}
	})

	bubble(t, "does not ask a dead issuer at every call before it has a set", func(t *testing.T, s *issuer, r *jose.Remote) {
		s.down = unreachable
		for range 100 {
			check(t, r, "a", "not answered")
		}
		asked(t, s, 1)
		s.set(func() { s.down = nil })
		time.Sleep(time.Second)
		check(t, r, "a", "good")
	})

	bubble(t, "lets a caller go who hangs up, and answers the others", func(t *testing.T, s *issuer, r *jose.Remote) {
		s.delay = 4 * time.Second
		why := errors.New("hung up")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { time.Sleep(time.Second); cancel(why) }()
		start := time.Now()
		if err := r.Verify(ctx, tokenOf(t, "a"), nil); !errors.Is(err, why) || time.Since(start) != time.Second {
			t.Errorf("Verify: %v after %v, want the cause after a second", err, time.Since(start))
		}
		check(t, r, "a", "good")
		if took := time.Since(start); took != s.delay {
			t.Errorf("the second caller was answered after %v, want %v", took, s.delay)
		}
		asked(t, s, 1)
	})

	bubble(t, "is the same as long as the document is", func(t *testing.T, s *issuer, r *jose.Remote) {
		current := func() *jose.Set {
			set, err := r.Current(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return set
		}
		first := current()
		time.Sleep(time.Hour)
		if current() != first {
			t.Error("another set of the same document")
		}
		s.set(func() { s.kid = "b" })
		time.Sleep(time.Hour)
		if current() == first {
			t.Error("the same set of another document")
		}
		asked(t, s, 3)
	})

	t.Run("asks although the clock was set back", func(t *testing.T) {
		signers()
		s := &issuer{kid: "a"}
		now := time.Now()
		r := jose.NewRemote("https://as.example/jwks", fetch.New(&http.Client{Transport: s}), func() time.Time { return now })
		check(t, r, "a", "good")
		s.kid, now = "b", now.Add(-time.Hour)
		check(t, r, "b", "good")
	})
}

// TestRemoteBadDocument proves that a broken answer changes nothing and is not taken for a bad token.
func TestRemoteBadDocument(t *testing.T) {
	for name, body := range map[string]string{
		"not JSON": `<html>`, "not a set": `{}`, "a duplicate": `{"keys":[],"keys":[]}`, "too long": `{"keys":[]}` + strings.Repeat(" ", 1<<18),
	} {
		now := time.Now()
		answer := `{"keys":[` + string(publicJWK("EdDSA", map[string]any{"kid": "a"})) + `]}`
		r := jose.NewRemote("https://as.example/jwks", fetch.New(&http.Client{Transport: answering(func(*http.Request) string { return answer })}),
			func() time.Time { return now })
		if err := r.Verify(t.Context(), tokenOf(t, "a"), nil); err != nil {
			t.Fatal(err)
		}
		answer, now = body, now.Add(time.Hour)
		if err := r.Verify(t.Context(), tokenOf(t, "a"), nil); err != nil {
			t.Errorf("%s: %v, want the old set to serve", name, err)
		}
		if err := r.Verify(t.Context(), tokenOf(t, "b"), nil); err == nil || errors.Is(err, jose.ErrInvalid) {
			t.Errorf("%s, unknown kid: %v, want an error that is not ErrInvalid", name, err)
		}
		now = now.Add(25 * time.Hour)
		if err := r.Verify(t.Context(), tokenOf(t, "a"), nil); err == nil || errors.Is(err, jose.ErrInvalid) {
			t.Errorf("%s, a day later: %v, want an error that is not ErrInvalid", name, err)
		}
	}
}

// answering is a transport that answers 200 with the text f returns, or 404 if that is empty.
type answering func(*http.Request) string

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) {
	body := f(r)
	status := 200
	if body == "" {
		status = 404
	}
	return &http.Response{StatusCode: status, Request: r, ContentLength: -1, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

func TestDiscovered(t *testing.T) {
	set := `{"keys":[` + string(publicJWK("EdDSA", map[string]any{"kid": "a"})) + `]}`
	const issuer = "https://as.example/t1"
	for name, tc := range map[string]struct {
		metadata string
		good     bool
	}{
		"the issuer's own":        {`{"issuer":"https://as.example/t1","jwks_uri":"https://keys.example/jwks"}`, true},
		"another issuer's":        {`{"issuer":"https://as.example","jwks_uri":"https://keys.example/jwks"}`, false},
		"the issuer with a slash": {`{"issuer":"https://as.example/t1/","jwks_uri":"https://keys.example/jwks"}`, false},
		"no issuer":               {`{"jwks_uri":"https://keys.example/jwks"}`, false},
		"no jwks_uri":             {`{"issuer":"https://as.example/t1"}`, false},
		"two jwks_uri":            {`{"issuer":"https://as.example/t1","jwks_uri":"https://a.example","jwks_uri":"https://keys.example/jwks"}`, false},
		"keys on http":            {`{"issuer":"https://as.example/t1","jwks_uri":"http://keys.example/jwks"}`, false},
		"keys on loopback":        {`{"issuer":"https://as.example/t1","jwks_uri":"http://127.0.0.1/jwks"}`, false},
		"keys in a file":          {`{"issuer":"https://as.example/t1","jwks_uri":"file:///jwks"}`, false},
		"too long":                {`{"issuer":"https://as.example/t1","jwks_uri":"https://keys.example/jwks"}` + strings.Repeat(" ", 64<<10), false},
		"not there":               {``, false},
	} {
		t.Run(name, func(t *testing.T) {
			hc := &http.Client{Transport: answering(func(r *http.Request) string {
				switch r.URL.String() {
				case "https://as.example/.well-known/oauth-authorization-server/t1":
					return tc.metadata
				case "https://keys.example/jwks":
					return set
				}
				t.Errorf("GET %s", r.URL)
				return ""
			})}
			r, err := jose.NewDiscovered(issuer, hc, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = r.Verify(t.Context(), tokenOf(t, "a"), nil)
			if (err == nil) != tc.good || errors.Is(err, jose.ErrInvalid) {
				t.Errorf("Verify: %v, want good %t, and not ErrInvalid", err, tc.good)
			}
		})
	}
	for _, issuer := range []string{"", "as.example", "http://as.example", "https://as.example?x", "https://as.example#", "https://u@as.example"} {
		if _, err := jose.NewDiscovered(issuer, nil, nil); err == nil {
			t.Errorf("NewDiscovered(%q): no error", issuer)
		}
	}
}

func TestMetadataURI(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://as.example":          "https://as.example/.well-known/oauth-authorization-server",
		"https://as.example/":         "https://as.example/.well-known/oauth-authorization-server",
		"https://as.example/t1":       "https://as.example/.well-known/oauth-authorization-server/t1",
		"https://as.example/t1/":      "https://as.example/.well-known/oauth-authorization-server/t1",
		"https://as.example:8443/a/b": "https://as.example:8443/.well-known/oauth-authorization-server/a/b",
		"https://as.example/a%2Fb":    "https://as.example/.well-known/oauth-authorization-server/a%2Fb",
		"http://127.0.0.1:8080":       "http://127.0.0.1:8080/.well-known/oauth-authorization-server",
	} {
		var got string
		r, err := jose.NewDiscovered(issuer, &http.Client{Transport: answering(func(r *http.Request) string {
			got = r.URL.String()
			return ""
		})}, nil)
		if err != nil {
			t.Errorf("NewDiscovered(%q): %v", issuer, err)
			continue
		}
		if r.Current(t.Context()); got != want {
			t.Errorf("issuer %q: GET %s, want %s", issuer, got, want)
		}
	}
}

// FuzzMetadata holds that the keys of an issuer are asked for only where metadata that names the issuer says, and
// over https.
func FuzzMetadata(f *testing.F) {
	const issuer = "https://as.example/t1"
	for _, doc := range []string{
		`{"issuer":"https://as.example/t1","jwks_uri":"https://keys.example/jwks"}`,
		`{"issuer":"https://as.example/t1","jwks_uri":"https://u:p@keys.example/"}`,
		`{"issuer":"https://as.example/t1","ISSUER":"x","jwks_uri":"HTTPS://keys.example"}`,
		`{"issuer":"https:\/\/as.example\/t1","jwks_uri":"file:///x"}`,
		`{"issuer":1,"jwks_uri":null}`, `[]`, `{}x`, "\ufeff{}",
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		asked := 0
		r, err := jose.NewDiscovered(issuer, &http.Client{Transport: answering(func(r *http.Request) string {
			if asked++; asked == 1 {
				return string(doc)
			}
			var members map[string]json.RawMessage
			var named string
			if json.Unmarshal(doc, &members) != nil || json.Unmarshal(members["issuer"], &named) != nil || named != issuer {
				t.Errorf("the keys are asked for at %s, as says %q", r.URL, doc)
			}
			if r.URL.Scheme != "https" || r.URL.Host == "" || r.URL.User != nil || asked > 2 {
				t.Errorf("GET %s, request %d, as says %q", r.URL, asked, doc)
			}
			return ""
		})}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Current(t.Context()); err == nil || errors.Is(err, jose.ErrInvalid) {
			t.Errorf("%q: error %v, want one that is not ErrInvalid", doc, err)
		}
	})
}
