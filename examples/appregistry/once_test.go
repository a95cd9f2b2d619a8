package main

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// A write with a key happens once, and its answer is given again.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	st := memory.New()
	s, address := serveOn(t, demonstration(), st, "")
	developer := s.as(t, address, dev)
	first := developer.do("POST", "/app-registry/v1/apps", manifest("Once"), "Idempotency-Key", "k1")
	if first.status != http.StatusCreated {
		t.Fatalf("status %d, %v", first.status, first.body["error"])
	}
	same := func(name string, a got) {
		t.Helper()
		if a.status != first.status || a.raw != first.raw || a.header.Get("ETag") != first.header.Get("ETag") || a.header.Get("Location") != first.header.Get("Location") || a.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: status %d, replayed %q, same body %t; wanted the first answer", name, a.status, a.header.Get("Idempotency-Replayed"), a.raw == first.raw)
		}
	}
	const id = "0190d7f2-52a4-7c3b-8f6e-1a2b3c4d5e6f"
	again := developer.do("POST", "/app-registry/v1/apps", manifest("Once"), "Idempotency-Key", "k1", "x-request-id", id)
	same("again", again)
	if again.header.Get("x-request-id") != id {
		t.Errorf("x-request-id is %q, wanted that of the request", again.header.Get("x-request-id"))
	}
	t.Run("another server has it too", func(t *testing.T) {
		_, second := serveOn(t, demonstration(), st, address)
		same("another server", (&caller{t, second, developer.token}).do("POST", "/app-registry/v1/apps", manifest("Once"), "Idempotency-Key", "k1"))
	})
	t.Run("another token of the same person is the same caller", func(t *testing.T) {
		same("another token", s.as(t, address, dev).do("POST", "/app-registry/v1/apps", manifest("Once"), "Idempotency-Key", "k1"))
	})
	t.Run("another request under the key is refused", func(t *testing.T) {
		for _, other := range []got{
			developer.do("POST", "/app-registry/v1/apps", manifest("Twice"), "Idempotency-Key", "k1"),
			developer.do("POST", "/app-registry/v1/apps", manifest("Once"), "Idempotency-Key", "k1", "If-Match", `"7"`),
		} {
			if other.status != http.StatusUnprocessableEntity || other.code() != "idempotency_key_reused" {
				t.Errorf("status %d, code %q; wanted 422 idempotency_key_reused", other.status, other.code())
			}
		}
	})
	t.Run("another caller, route or key is another request", func(t *testing.T) {
		appID := first.body["data"].(map[string]any)["client_id"]
		for name, a := range map[string]got{
			"caller": s.as(t, address, organizer).do("POST", "/app-registry/v1/apps", manifest("Once"), "Idempotency-Key", "k1"),
			"key":    developer.do("POST", "/app-registry/v1/apps", manifest("Once"), "Idempotency-Key", "k2"),
			"none":   developer.do("POST", "/app-registry/v1/apps", manifest("Once")),
		} {
			if data, _ := a.body["data"].(map[string]any); a.status != http.StatusCreated || data["client_id"] == appID {
				t.Errorf("another %s: status %d, same app %t; wanted a new one", name, a.status, data["client_id"] == appID)
			}
		}
		if a := developer.do("DELETE", "/app-registry/v1/apps/"+appID.(string), nil, "Idempotency-Key", "k1"); a.status != http.StatusOK {
			t.Errorf("another route: status %d", a.status)
		}
	})
	t.Run("a refusal is given again", func(t *testing.T) {
		for _, replayed := range []string{"", "true"} {
			a := developer.do("POST", "/app-registry/v1/apps", map[string]any{}, "Idempotency-Key", "k3")
			if a.status != http.StatusUnprocessableEntity || a.header.Get("Idempotency-Replayed") != replayed {
				t.Errorf("status %d, replayed %q; wanted 422 and %q", a.status, a.header.Get("Idempotency-Replayed"), replayed)
			}
		}
	})
	t.Run("a key in a wrong form is refused", func(t *testing.T) {
		for _, key := range []string{"a b", "ü", strings.Repeat("x", 256)} {
			if a := developer.do("POST", "/app-registry/v1/apps", manifest("Once"), "Idempotency-Key", key); a.status != http.StatusBadRequest {
				t.Errorf("a key of %d bytes: status %d, wanted 400", len(key), a.status)
			}
		}
	})
	t.Run("secrets are not in the store in plain", func(t *testing.T) {
		leaked := &spying{Store: memory.New()}
		s2, second := serveOn(t, demonstration(), leaked, "")
		a := s2.as(t, second, dev).do("POST", "/app-registry/v1/apps", manifest("Spied"), "Idempotency-Key", "k4")
		leaked.mu.Lock()
		defer leaked.mu.Unlock()
		for _, value := range leaked.written {
			if strings.Contains(value, a.body["data"].(map[string]any)["client_secret"].(string)) {
				t.Error("a client secret is in a record")
			}
		}
		if len(leaked.written) < 3 {
			t.Errorf("%d writes were seen, wanted those of the request", len(leaked.written))
		}
	})
}

// together does the same many times at once and returns the answers.
func together(n int, do func(i int) got) []got {
	answers := make([]got, n)
	barrier := make(chan struct{})
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			<-barrier
			answers[i] = do(i)
		})
	}
	close(barrier)
	wg.Wait()
	return answers
}

// A hundred identical writes at once, to two servers, create one app and are all answered with it.
func TestIdempotencyRace(t *testing.T) {
	t.Parallel()
	st := memory.New()
	s, address := serveOn(t, demonstration(), st, "")
	_, second := serveOn(t, demonstration(), st, address)
	developer := s.as(t, address, dev)
	servers := []*caller{developer, {t, second, developer.token}}
	for round := range 5 {
		key := strings.Repeat("k", round+1)
		before := len(developer.do("GET", "/app-registry/v1/apps?limit=100", nil).items())
		answers := together(100, func(i int) got {
			return servers[i%2].do("POST", "/app-registry/v1/apps", manifest("Raced"), "Idempotency-Key", key)
		})
		firsts := 0
		for _, a := range answers {
			if a.status != http.StatusCreated || a.raw != answers[0].raw {
				t.Fatalf("status %d, %v; wanted the one answer", a.status, a.body["error"])
			}
			if a.header.Get("Idempotency-Replayed") == "" {
				firsts++
			}
		}
		after := len(developer.do("GET", "/app-registry/v1/apps?limit=100", nil).items())
		if firsts != 1 || after != before+1 {
			t.Errorf("%d answers are first ones and %d apps were created, wanted one of each", firsts, after-before)
		}
	}
}

// spying sees what is written.
type spying struct {
	store.Store
	mu      sync.Mutex
	written []string
}

func (s *spying) see(r store.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, string(r.Value))
}

func (s *spying) Create(ctx context.Context, r store.Record) error {
	s.see(r)
	return s.Store.Create(ctx, r)
}

func (s *spying) Swap(ctx context.Context, r store.Record) error {
	s.see(r)
	return s.Store.Swap(ctx, r)
}
