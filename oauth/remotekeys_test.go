package oauth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// remoteApps are as many apps as one likes, each with a jwks_uri of its own.
type remoteApps struct{}

func (remoteApps) App(_ context.Context, id string) (*registry.App, error) {
	return &registry.App{ID: id, Manifest: registry.Manifest{Name: id, AuthMethod: "private_key_jwt", JWKSURI: "https://keys.example.com/" + id,
		Scopes: []string{"read"}, GrantTypes: []string{"client_credentials"}}}, nil
}

func (remoteApps) Installation(context.Context, *registry.App, string, string) (*registry.Installation, error) {
	return nil, nil
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The key sets of however many apps take bounded memory, and one that was let go is fetched again.
func TestAssertionRemoteKeySetsAreBounded(t *testing.T) {
	const most = 1000
	m := newMachine(t)
	var fetched atomic.Int64
	m.h.restart(func(c *oauth.Config) {
		c.Apps = remoteApps{}
		c.InsecureFetch = true
		c.Fetch = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			fetched.Add(1)
			return &http.Response{StatusCode: 200, Request: r, Body: io.NopCloser(strings.NewReader(string(m.keys.JWKS(time.Now()))))}, nil
		})}
	})
	ask := func(i int) {
		id := fmt.Sprint("app", i)
		m.post("/token", m.sign("", m.claims(map[string]any{"iss": id, "sub": id})), ccForm).want(t, 200, "")
	}
	for i := range most + 20 {
		ask(i)
	}
	if got := m.h.srv.RemoteKeySets(); got != most || fetched.Load() != most+20 {
		t.Fatalf("%d sets are remembered of %d fetched, want %d", got, fetched.Load(), most)
	}
	for i := range most + 20 {
		ask(i)
	}
	if got := m.h.srv.RemoteKeySets(); got != most || fetched.Load() == most+20 {
		t.Errorf("%d sets are remembered, want %d; in all %d were fetched", got, most, fetched.Load())
	}
}
