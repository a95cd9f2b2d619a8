package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// renewBefore is how long before its expiry a token is renewed: longer than any call takes, so that none
// arrives with a token that expired on the way.
const renewBefore = 5 * time.Minute

// authorized is an http.RoundTripper that adds an access token to each request. It keeps the token until five
// minutes before it expires, however many goroutines call, and gets a new one when the API answers 401: the
// token was good by the clock and is good no more.
type authorized struct {
	base   http.RoundTripper // for the calls and for the token requests
	config *clientcredentials.Config

	mu     sync.Mutex
	source oauth2.TokenSource // keeps the token
}

// RoundTrip sends r, and once more with a new token after a 401 if its body can be sent again.
func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	source := a.instead(nil)
	resp, err := a.send(r, r.Body, source)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	body := io.ReadCloser(http.NoBody)
	if r.Body != nil && r.Body != http.NoBody {
		if r.GetBody == nil {
			return resp, nil
		}
		if body, err = r.GetBody(); err != nil {
			return resp, nil
		}
	}
	io.CopyN(io.Discard, resp.Body, 4096) // so that the connection is used again
	resp.Body.Close()
	return a.send(r, body, a.instead(source))
}

func (a *authorized) send(r *http.Request, body io.ReadCloser, source oauth2.TokenSource) (*http.Response, error) {
	tok, err := source.Token()
	if err != nil {
		if body != nil {
			body.Close()
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = body
	tok.SetAuthHeader(r)
	return a.base.RoundTrip(r)
}

// instead returns the source in use, in place of one whose token was refused. Of many calls that were refused
// at once, the first makes the new source and the others find it made.
func (a *authorized) instead(refused oauth2.TokenSource) oauth2.TokenSource {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.source == refused {
		ctx := context.WithValue(context.Background(), oauth2.HTTPClient, newClient(a.base))
		a.source = oauth2.ReuseTokenSourceWithExpiry(nil, a.config.TokenSource(ctx), renewBefore)
	}
	return a.source
}

// newAuthorized returns the client of an app. Requests to a server other than the calendar's must not be sent
// with it: they would carry its token.
func newAuthorized(base http.RoundTripper, server, id, secret string) *http.Client {
	return newClient(&authorized{base: base, config: &clientcredentials.Config{
		ClientID: id, ClientSecret: secret, TokenURL: server + "/oauth2/token",
		Scopes: []string{readScope}, AuthStyle: oauth2.AuthStyleInParams,
	}})
}

// newClient returns a client that follows no redirect, which could take a secret or a token elsewhere.
func newClient(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// runClient calls the API many times at once and prints what it took.
func runClient(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("eventcalendar client", flag.ContinueOnError)
	flags.SetOutput(stderr)
	server := flags.String("url", "https://127.0.0.1:8443", "`URL` of the server")
	id := flags.String("id", "city-guide", "the app's `id`")
	secret := flags.String("secret", "city-guide-secret", "the app's `secret`")
	certificate := flags.String("certificate", "eventcalendar.pem", "`file` of the server's certificate")
	n := flags.Int("n", 100, "how many `calls` to make at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	data, err := os.ReadFile(*certificate)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(data) {
		return fmt.Errorf("-certificate: %s has no certificate", *certificate)
	}
	network := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer network.CloseIdleConnections()
	counted := &counter{base: network}
	client := newAuthorized(counted, *server, *id, *secret)

	events, errs := make([]int, *n), make([]error, *n)
	var calls sync.WaitGroup
	for i := range *n {
		calls.Go(func() { events[i], errs[i] = countEvents(ctx, client, *server) })
	}
	calls.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	total := 0
	for _, found := range events {
		total += found
	}
	_, err = fmt.Fprintf(stdout, "%d calls found %d events with %d token request(s)\n", *n, total, counted.tokens.Load())
	return err
}

// countEvents makes the documented call.
func countEvents(ctx context.Context, client *http.Client, server string) (int, error) {
	body := []byte(`{"query":"query { events(page: 0, size: 10) { totalCount data { id name { en } } } }"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server+"/graphql", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct {
			Events struct{ TotalCount int }
		}
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("got status %d, wanted 200", resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, err
	}
	return answer.Data.Events.TotalCount, nil
}

// counter counts token requests.
type counter struct {
	base   http.RoundTripper
	tokens atomic.Int64
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/oauth2/token") {
		c.tokens.Add(1)
	}
	return c.base.RoundTrip(r)
}
