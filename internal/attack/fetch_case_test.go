package attack

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/internal/fetch"
)

// fetchCase is an address, or a URI for a document, that strangers may not lead to.
type fetchCase struct {
	Attack, Name string

	Address string
	URI     string // {port} is one of loopback where a server listens

	Works bool   // of an address: it is public after all
	Want  string // part of the error of a URI
}

// tryFetch is the runner of fetch_cases.json.
func tryFetch(t *testing.T, c fetchCase) {
	if c.Address != "" {
		if got := fetch.Public(netip.MustParseAddr(c.Address)); got != c.Works {
			t.Errorf("public: %t, want %t", got, c.Works)
		}
		return
	}
	srv, reached := inside(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	_, err := fetch.NewGuarded(nil, false).Get(t.Context(), strings.ReplaceAll(c.URI, "{port}", port), 100)
	if err == nil || c.Want == "" || !strings.Contains(err.Error(), c.Want) || strings.Contains(err.Error(), "secret") {
		t.Errorf("fetched with the error %v, want %q", err, c.Want)
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("%d connections were made", n)
	}
}
