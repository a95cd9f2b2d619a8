package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
	"github.com/oauthcore/oauthcore/token"
)

const (
	remoteTimeout = 5 * time.Second
	remoteMaxBody = 64 << 10 // of an answer, in bytes
)

// Remote returns a function for [Config.Introspect] that asks an introspection endpoint (RFC 7662), which
// must be an https URL, or http on a loopback address. The guard authenticates as the client id with HTTP
// Basic. hc may be nil for a client without a proxy; its cookies are not used and redirects not followed.
//
// The function takes at most five seconds and reads at most 64 KiB. An answer that is not 200 and strict
// JSON with a boolean active is an error that means "could not be asked". A token whose token_type is not
// Bearer is refused.
func Remote(endpoint, id, secret string, hc *http.Client) (func(ctx context.Context, tok string) (*token.Claims, error), error) {
	if err := fetch.CheckURI(endpoint); err != nil {
		return nil, fmt.Errorf("resource: Remote: endpoint: %w", err)
	}
	if id == "" {
		return nil, errors.New("resource: Remote: the client id is empty")
	}
	var c http.Client
	if hc != nil {
		c = *hc
	} else {
		// Every request may ask, so connections stay open.
		c.Transport = &http.Transport{
			ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	c.Jar = nil
	// Another address was not configured to see the secret.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	return func(ctx context.Context, tok string) (*token.Claims, error) {
		ctx, cancel := context.WithTimeout(ctx, remoteTimeout)
		defer cancel()
		form := url.Values{"token": {tok}, "token_type_hint": {"access_token"}}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
		if err != nil {
			return nil, fmt.Errorf("resource: introspection: %w", err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "application/json")
		req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) // RFC 6749, Section 2.3.1
		resp, err := c.Do(req)
		if err != nil {
			return nil, fmt.Errorf("resource: introspection: %w", err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("resource: introspection: got status %d, want 200", resp.StatusCode)
		}
		body, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, remoteMaxBody))
		if err != nil {
			return nil, fmt.Errorf("resource: introspection: %w", err)
		}
		return readAnswer(body)
	}, nil
}

// readAnswer reads the JSON of RFC 7662, Section 2.2.
func readAnswer(body []byte) (*token.Claims, error) {
	c := new(token.Claims)
	if err := json.Unmarshal(body, c); err != nil {
		// The cause is not wrapped: ErrInvalid in it would mean that the token is bad, and it is the answer.
		return nil, fmt.Errorf("resource: introspection: malformed answer: %v", err)
	}
	switch string(c.Extra["active"]) {
	case "true":
	case "false":
		return nil, invalid("not active")
	default:
		return nil, errors.New("resource: introspection: malformed answer: active is not a boolean")
	}
	if raw, ok := c.Extra["token_type"]; ok {
		var t string
		if json.Unmarshal(raw, &t) != nil || !strings.EqualFold(t, "Bearer") {
			return nil, invalid("token_type is not Bearer")
		}
	}
	delete(c.Extra, "active")
	delete(c.Extra, "token_type")
	return c, nil
}
