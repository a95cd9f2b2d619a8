package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

var errExists = store.ErrExists

const maxClientID = 512

// errClient is the one answer for every client that could not be authenticated: whether it is unknown,
// disabled or has another secret is nobody's business. The cause tells the operator.
func errClient(cause string) *Error {
	return because(errCause(cause), "invalid_client", "client authentication failed")
}

type errCause string

func (e errCause) Error() string { return string(e) }

// authenticate finds out which app asks (RFC 6749, Section 2.3): exactly one method, the one that the
// app registered.
func (c *call) authenticate() error {
	got, err := c.presented()
	if err != nil {
		return err
	}
	c.event.App = printable(got.id)
	if got.method == "none" && c.wait != nil { // TestLimitOfAnAddress
		return c.wait
	}
	now := time.Unix(c.now, 0)
	app, err := c.s.app(c, got.id)
	if err == nil && !app.Manifest.AllowsAuth(got.method) { // TestClientAuthentication
		err = errClient("it used " + got.method + ", which it did not register")
	}
	if err != nil {
		// As much work as for a wrong generated secret, or the time would tell them apart.
		new(registry.App).CheckSecret(got.secret, now)
		return err
	}
	switch got.method {
	case "client_secret_basic", "client_secret_post":
		ok, err := c.checkSecret(app, got.secret, now)
		if err != nil {
			return err
		}
		if !ok { // TestClientAuthentication
			return errClient("wrong secret")
		}
	case "private_key_jwt":
		if err := c.accept(app, got.assertion); err != nil {
			return err
		}
	}
	c.app = app
	return nil
}

// checkSecret compares a client secret. Hashes that were made to take time and memory are asked last, and take
// turns: strangers ask for them by naming an app.
func (c *call) checkSecret(app *registry.App, plain string, now time.Time) (ok bool, err error) {
	slow := func(s registry.Secret) bool {
		return len(s.Hash) != sha256.Size && (s.NotAfter.IsZero() || now.Before(s.NotAfter))
	}
	if !slices.ContainsFunc(app.Secrets, slow) {
		_, ok = app.CheckSecret(plain, now)
		return ok, nil
	}
	quick := *app
	quick.Secrets = slices.DeleteFunc(slices.Clone(app.Secrets), slow)
	if _, ok = quick.CheckSecret(plain, now); ok { // TestSlowHashesAreAskedLast
		return true, nil
	}
	if c.wait != nil { // TestLimitOfAnAddress
		return false, c.wait
	}
	done, err := c.s.hashing.take(c.ctx, app.ID, addressKey(c.event.Remote)) // TestHashesTakeTurns
	if err != nil {
		return false, unavailable(err)
	}
	defer done()
	if wait := c.limitedAddress(); wait != nil { // since then others of its guesses were wrong
		return false, wait
	}
	_, ok = app.CheckSecret(plain, now)
	return ok, nil
}

// app looks up a client that may act now.
func (s *Server) app(c *call, id string) (*registry.App, error) {
	app, err := s.config.Apps.App(c.ctx, id)
	switch {
	case err != nil:
		return nil, appError(err)
	case app == nil || app.ID != id: // a store that folds case, or worse, TestAppsFail
		return nil, errClient("the registry gave another app")
	case !app.Active(): // TestPlatformEnds
		return nil, errClient("the app is suspended, paused, deleted or not published")
	}
	return app, nil
}

// credentials are what a client showed of itself.
type credentials struct {
	id, method, secret string
	assertion          *assertion
}

// presented reads the one authentication method of the request.
func (c *call) presented() (got credentials, err error) {
	id := c.params.Get("client_id")
	secret, hasSecret := c.params["client_secret"]
	_, hasAssertion := c.params["client_assertion"]
	_, hasType := c.params["client_assertion_type"]
	headers := c.header["Authorization"]

	methods := 0
	for _, has := range []bool{len(headers) > 0, hasSecret, hasAssertion || hasType} {
		if has {
			methods++
		}
	}
	switch {
	case len(headers) > 1 || methods > 1: // TestClientAuthentication
		return got, refuse("invalid_request", "use one client authentication method")
	case len(headers) == 1:
		got.method = "client_secret_basic"
		var ok bool
		if got.id, got.secret, ok = basicAuth(headers[0]); !ok {
			return got, errClient("malformed Authorization header")
		}
		if id != "" && id != got.id { // TestClientAuthentication
			return got, refuse("invalid_request", "client_id differs from the one in the Authorization header")
		}
	case hasSecret:
		got = credentials{id: id, method: "client_secret_post", secret: secret[0]}
	case hasAssertion || hasType:
		got.method = "private_key_jwt"
		if got.assertion, err = readAssertion(c.params); err != nil {
			return got, err
		}
		got.id = got.assertion.subject
	default:
		got = credentials{id: id, method: "none"}
	}
	switch {
	case len(c.params) == 0 && len(headers) == 0:
		return got, refuse("invalid_request", "the request is empty")
	case got.id == "":
		return got, errClient("no client_id")
	case len(got.id) > maxClientID || !isVisible(got.id):
		return got, errClient("malformed client_id")
	}
	return got, nil
}

// basicAuth reads credentials that were form-encoded before base64 (RFC 6749, Section 2.3.1), which
// Request.BasicAuth does not undo.
func basicAuth(header string) (id, secret string, ok bool) {
	scheme, encoded, found := strings.Cut(header, " ")
	if !found || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	if strings.ContainsAny(encoded, "\r\n") { // the decoder skips them
		return "", "", false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	id, secret, found = strings.Cut(string(raw), ":")
	if !found {
		return "", "", false
	}
	if id, err = url.QueryUnescape(id); err == nil {
		secret, err = url.QueryUnescape(secret)
	}
	return id, secret, err == nil
}

// isVisible reports whether s is made of VSCHAR (RFC 6749, Appendix A.1).
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
