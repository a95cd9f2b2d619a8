package attack

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestA148(t *testing.T) { run(t) }
func TestA149(t *testing.T) { run(t) }
func TestA155(t *testing.T) { run(t) }
func TestA330(t *testing.T) { run(t) }

// itself is a request of an app for itself.
func (w *world) itself(params url.Values) *answer {
	w.t.Helper()
	params.Set("grant_type", "client_credentials")
	return w.do(w.as("job", &request{method: http.MethodPost, path: "/token", params: params}))
}

func TestA150(t *testing.T) {
	run(t)
	w := newWorld(t)
	if a := w.good(w.itself(url.Values{})); a.str("scope") != "read write" {
		t.Errorf("without a scope it gets %q", a.str("scope"))
	}
}

func TestA152(t *testing.T) {
	run(t)
	w := newWorld(t)
	repeated := func(n int) *answer {
		return w.itself(url.Values{"scope": {strings.TrimSpace(strings.Repeat("read ", n))}})
	}
	if a := w.good(repeated(10)); a.str("scope") != "read" {
		t.Errorf("of one scope ten times it gets %q", a.str("scope"))
	}
	w.refused(repeated(5000), 400, "invalid_scope")
}

func TestA159(t *testing.T) {
	run(t)
	w := newWorld(t)
	many := url.Values{}
	for i := range 50 {
		many.Add("resource", fmt.Sprintf("https://api%d.example", i))
	}
	w.refused(w.itself(many), 400, "invalid_target")
}
