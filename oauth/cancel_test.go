package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// TestClientHangsUpOnTheWire hangs up while a rotation is being written. The protocol suite does so at each
// call of every flow, without a network.
func TestClientHangsUpOnTheWire(t *testing.T) {
	writing, written := make(chan struct{}), make(chan struct{})
	var s *interceptor
	h := newHost(t, func(c *oauth.Config) { s = &interceptor{Store: c.Store}; c.Store = s })
	first := h.login("web")
	s.swap = func(store.Record) error {
		s.swap = nil
		close(writing)
		<-written
		return nil
	}
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", h.url+"/token",
		strings.NewReader(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.str("refresh_token")}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", basic("web", secret))
	failed := make(chan error)
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
		}
		failed <- err
	}()
	<-writing
	hangUp()
	if err := <-failed; err == nil {
		t.Error("the client that hung up got an answer")
	}
	close(written)
	second := h.refresh("web", first.str("refresh_token")).want(t, 200, "")
	if !h.active(second.str("access_token")) || h.introspect("web", second.str("refresh_token")).json["active"] != true {
		t.Error("what the client got when it asked again is not good")
	}
}

// stuckStore answers nothing until the caller gives up.
type stuckStore struct{ store.Store }

func (stuckStore) Get(ctx context.Context, _ ...string) ([]store.Record, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestStoreHangs(t *testing.T) {
	keys := newKeys(t)
	synctest.Test(t, func(t *testing.T) {
		c := oauth.Config{Issuer: "https://auth.example.com", Store: memory.New(), Keys: keys, Apps: apps(),
			Secrets: [][]byte{[]byte(secret)}, Resources: []string{api}}
		approval := oauth.Approval{Login: &oauth.Login{Subject: "alice", Time: time.Now()}}
		srv, err := oauth.New(c)
		if err != nil {
			t.Fatal(err)
		}
		first, err := srv.Issue(t.Context(), "web", approval)
		if err != nil {
			t.Fatal(err)
		}
		c.Store = stuckStore{c.Store}
		if srv, err = oauth.New(c); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r := httptest.NewRequest("POST", "/token", strings.NewReader("grant_type=refresh_token&refresh_token="+first.RefreshToken))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", basic("web", secret))
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		if took := time.Since(start); w.Code != 503 || took != 10*time.Second {
			t.Errorf("the token endpoint answered %d after %v, want 503 after 10 s", w.Code, took)
		}
		start = time.Now()
		_, err = srv.Issue(t.Context(), "web", approval)
		var e *oauth.Error
		if took := time.Since(start); !errors.As(err, &e) || e.Code != "temporarily_unavailable" || took != 10*time.Second {
			t.Errorf("Issue gave %v after %v, want temporarily_unavailable after 10 s", err, took)
		}
	})
}
