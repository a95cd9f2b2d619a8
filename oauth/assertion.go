package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/oauthcore/oauthcore/internal/fetch"
	"github.com/oauthcore/oauthcore/internal/jose"
	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/registry"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLife = 5 * 60 // seconds ahead that exp may lie, so that marks are bounded
	assertionSkew = 60     // seconds that a client's clock may differ
)

// assertion is a client assertion (RFC 7523, Section 3) as it was read; nothing is believed yet. Its
// audience is one string: an assertion that names several servers could be replayed by one at another.
type assertion struct {
	jws               *jose.JWS
	issuer, subject   string
	audience, id      string
	expires           *float64
	notBefore, issued float64
}

// readAssertion reads the assertion among the parameters.
func readAssertion(params url.Values) (*assertion, error) {
	compact, kind := params.Get("client_assertion"), params.Get("client_assertion_type")
	switch {
	case compact == "" || kind == "":
		return nil, refuse("invalid_request", "client_assertion and client_assertion_type go together")
	case kind != assertionType:
		return nil, errClient("unknown client_assertion_type")
	}
	j, err := jose.Parse(compact)
	if err == nil {
		err = jose.CheckObject(j.Payload)
	}
	var members map[string]json.RawMessage // names count to the letter, which a struct's would not
	if err == nil {
		err = json.Unmarshal(j.Payload, &members)
	}
	a := &assertion{jws: j}
	for name, into := range map[string]any{"iss": &a.issuer, "sub": &a.subject, "aud": &a.audience, "jti": &a.id,
		"exp": &a.expires, "nbf": &a.notBefore, "iat": &a.issued} {
		switch raw, ok := members[name]; {
		case !ok || err != nil:
		case string(raw) == "null": // which would pass for a claim that is absent
			err = errors.New(name + " is null")
		default:
			err = json.Unmarshal(raw, into)
		}
	}
	if err != nil {
		return nil, because(err, "invalid_client", "client authentication failed")
	}
	if id := params.Get("client_id"); id != "" && id != a.subject {
		return nil, errClient("client_id differs from the assertion's sub")
	}
	return a, nil
}

// accept checks an assertion of app and notes the mark that spends it.
func (c *call) accept(app *registry.App, a *assertion) error {
	switch a.jws.Typ { // RFC 8725, Section 3.11: no other kind of JWT of the client passes for an assertion
	case "", "jwt", "client-authentication+jwt":
	default:
		return errClient("the assertion's typ is of another kind of JWT")
	}
	now := float64(c.now)
	switch {
	case a.issuer != app.ID: // which its sub names, TestAssertion
		return errClient("the assertion's iss and sub are not both the client")
	case a.audience != c.s.config.Issuer: // TestAssertion
		return errClient("the assertion's aud is not the issuer alone")
	case a.id == "" || len(a.id) > 256: // TestAssertion
		return errClient("the assertion has no jti, or one over 256 bytes")
	case a.expires == nil || *a.expires <= now-assertionSkew || *a.expires > now+assertionLife+assertionSkew: // TestAssertion
		return errClient("the assertion has expired, or lives for more than 5 minutes")
	case a.notBefore > now+assertionSkew || a.issued > now+assertionSkew: // TestAssertion
		return errClient("the assertion is from the future")
	}
	if err := c.verify(app, a.jws); err != nil { // TestAssertionSignature
		if errors.Is(err, jose.ErrInvalid) {
			return because(err, "invalid_client", "client authentication failed")
		}
		return unavailable(err)
	}
	c.assertion = table.Hash("assertion", app.ID, a.id)
	c.expires = int64(*a.expires) + assertionSkew + recordSlack
	return nil
}

// verify checks j against the keys that the app registered.
func (c *call) verify(app *registry.App, j *jose.JWS) error {
	m := &app.Manifest
	if len(m.JWKS) == 0 {
		return c.s.jwks.verify(c.ctx, m.JWKSURI, j)
	}
	set, err := jose.ParseSet(m.JWKS)
	if err != nil {
		return err
	}
	return set.Verify(j, signingAlgorithms)
}

// remoteKeys holds the key sets of apps with a jwks_uri, a bounded number of them.
type remoteKeys struct {
	client *fetch.Client // nil: none are to be had
	now    func() time.Time
	mu     sync.Mutex
	sets   map[string]*jose.Remote
}

const maxRemoteKeys = 1000

func newRemoteKeys(c *Config) *remoteKeys {
	k := &remoteKeys{now: c.Now, sets: make(map[string]*jose.Remote)}
	if c.Fetch != nil {
		k.client = fetch.NewGuarded(c.Fetch, c.InsecureFetch)
	}
	return k
}

func (k *remoteKeys) verify(ctx context.Context, uri string, j *jose.JWS) error {
	switch {
	case k.client == nil: // TestAssertionRemoteKeys
		return errors.Join(jose.ErrInvalid, errors.New("the app has a jwks_uri, and Config.Fetch is nil"))
	case uri == "":
		return errors.Join(jose.ErrInvalid, errors.New("the app has no keys"))
	}
	k.mu.Lock()
	set := k.sets[uri]
	if set == nil {
		if len(k.sets) >= maxRemoteKeys {
			for other := range k.sets { // any: the next use fetches it again
				delete(k.sets, other)
				break
			}
		}
		set = jose.NewRemote(uri, k.client, k.now)
		k.sets[uri] = set
	}
	k.mu.Unlock()
	return set.Verify(ctx, j, signingAlgorithms)
}
