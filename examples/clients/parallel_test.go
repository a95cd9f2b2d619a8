package clients_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"

	"golang.org/x/oauth2"
)

const many = 200

// together sends the same form many times at once and returns the answers. Every request is ready before
// the first is sent.
func together(t *testing.T, address, id, secret string, form url.Values) []reply {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: many}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport}
	answers := make([]reply, many)
	barrier := make(chan struct{})
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			<-barrier
			answers[i] = postWith(t, c, address, id, secret, form)
		})
	}
	close(barrier)
	wg.Wait()
	return answers
}

// statuses counts the answers by status.
func statuses(answers []reply) map[int]int {
	n := make(map[int]int)
	for _, a := range answers {
		n[a.status]++
	}
	return n
}

// Of many parallel exchanges of one code one succeeds. The others are second uses of the code, so that
// in the end the tokens are no good either, wherever they are used.
func TestParallelExchanges(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	verifier := oauth2.GenerateVerifier()
	c := web(s, "read:events")
	code := authorize(newBrowser(t), s, c, verifier)
	answers := together(t, s.tokenURL(), "web", webSecret, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {site}, "code_verifier": {verifier}})
	if got, want := statuses(answers), map[int]int{http.StatusOK: 1, http.StatusBadRequest: many - 1}; !maps.Equal(got, want) {
		t.Errorf("answers by status: %v, wanted %v", got, want)
	}
	for _, a := range answers {
		if a.status == http.StatusOK {
			accessToken, _ := a.body["access_token"].(string)
			refreshToken, _ := a.body["refresh_token"].(string)
			wantDead(t, s, accessToken, refreshToken)
		} else if a.body["error"] != "invalid_grant" {
			t.Errorf("a loser reads %v, wanted invalid_grant", a.body)
		}
	}
}

// Of many parallel refreshes of one token all get the same successor, and all they were given is good.
func TestParallelRefreshes(t *testing.T) {
	t.Parallel()
	s := start(t, config(func(c map[string]any) { c["refresh_grace"] = "60s" }))
	tok := login(t, s, web(s, "read:events"))
	answers := together(t, s.tokenURL(), "web", webSecret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.RefreshToken}})
	if got, want := statuses(answers), map[int]int{http.StatusOK: many}; !maps.Equal(got, want) {
		t.Fatalf("answers by status: %v, wanted %v", got, want)
	}
	successors := make(map[any]bool)
	for _, a := range answers {
		successors[a.body["refresh_token"]] = true
		accessToken, _ := a.body["access_token"].(string)
		wantAlive(t, s, accessToken, "")
	}
	if len(successors) != 1 {
		t.Fatalf("%d different successors, wanted 1", len(successors))
	}
	successor, _ := answers[0].body["refresh_token"].(string)
	if successor == tok.RefreshToken {
		t.Fatal("the successor is the token that was spent")
	}
	wantAlive(t, s, tok.AccessToken, successor)

	// The first token is now two behind: a thief has it, and nothing of the family is left.
	last, _ := answers[many-1].body["access_token"].(string)
	if a := refresh(t, s, "web", webSecret, tok.RefreshToken); a.status != http.StatusBadRequest {
		t.Errorf("a token two behind: status %d, wanted 400", a.status)
	}
	wantDead(t, s, last, successor)
}

// Without a grace at most one of many parallel refreshes succeeds, and the others end the family.
func TestParallelRefreshesStrict(t *testing.T) {
	t.Parallel()
	s := start(t, config(func(c map[string]any) { c["refresh_grace"] = "0s" }))
	tok := login(t, s, web(s, "read:events"))
	answers := together(t, s.tokenURL(), "web", webSecret, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.RefreshToken}})
	n := statuses(answers)
	if n[http.StatusOK] > 1 || n[http.StatusOK]+n[http.StatusBadRequest] != many {
		t.Errorf("answers by status: %v, wanted at most one 200 and else 400", n)
	}
	winner := slices.IndexFunc(answers, func(a reply) bool { return a.status == http.StatusOK })
	if winner >= 0 {
		accessToken, _ := answers[winner].body["access_token"].(string)
		refreshToken, _ := answers[winner].body["refresh_token"].(string)
		wantDead(t, s, accessToken, refreshToken)
	}
	wantDead(t, s, tok.AccessToken, tok.RefreshToken)
}

// A hundred people sign in at once, and none is turned away.
func TestManySignIns(t *testing.T) {
	t.Parallel()
	s := start(t, config(nil))
	c := web(s, "read:events")
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			verifier := oauth2.GenerateVerifier()
			b := newBrowser(t)
			p := b.open(c.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)))
			if len(p.forms) != 1 {
				t.Errorf("status %d, wanted the sign-in page", p.status)
				return
			}
			p = b.submit(p, url.Values{"email": {ada}, "password": {adaPassword}})
			if p.status >= 400 {
				t.Errorf("status %d after signing in, %q", p.status, p.text)
			}
		})
	}
	wg.Wait()
}
