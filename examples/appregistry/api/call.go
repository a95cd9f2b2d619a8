package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/token"
)

// call is one request to a route.
type call struct {
	api    *API
	route  *route
	r      *http.Request
	ctx    context.Context
	caller platform.Caller
	client string // the app that sent the request
	body   []byte
}

// reply is what a handler says.
type reply struct {
	data     any
	version  int64  // of what data is; zero: there is nothing yet, or it has none
	location string // path of what was created
	page     *page
}

// identify finds out who asks, and for which organisation: the one in the token, or another one that the
// caller belongs to.
func (c *call) identify(claims *token.Claims) error {
	if claims == nil {
		return nil // a route for everyone
	}
	c.client = claims.ClientID
	c.caller = platform.Caller{Subject: claims.Subject, Tenant: claims.Tenant, Roles: claims.Roles}
	switch {
	case c.route.app && claims.Subject != claims.ClientID:
		return &refusal{"this needs an app's own token, of the grant type client_credentials"}
	case c.route.app:
		c.caller.App = claims.ClientID
	case claims.ClientID != c.api.Client:
		return &refusal{"this needs a token of the service's own login"}
	}
	if wanted := c.r.Header.Get("x-tenant-id"); wanted != "" && wanted != claims.Tenant {
		if c.route.app || !c.api.Member(claims.Subject, wanted) {
			return errTenant
		}
		c.caller.Tenant = wanted
	}
	var err error
	c.caller.Match, err = c.precondition()
	return err
}

// id is the last part of the path that names something.
func (c *call) id() string { return c.r.PathValue("id") }

// key names a request that is to be carried out once: by its Idempotency-Key, its caller and its route.
// Empty: it has none.
func (c *call) key() (string, error) {
	sent := c.r.Header.Values("Idempotency-Key")
	if len(sent) == 0 || c.route.group == "" && !c.route.app {
		return "", nil
	}
	key := sent[0]
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			key = ""
			break
		}
	}
	if len(sent) > 1 || key == "" || len(key) > 255 {
		return "", &badRequest{http.StatusBadRequest, "Idempotency-Key: wanted 1 to 255 visible characters"}
	}
	// Each part is quoted, so that no two lists of parts are the same text.
	return fmt.Sprintf("%q %q %q %q %q %q", c.client, c.caller.Subject, c.caller.Tenant, c.r.Method, c.r.URL.RequestURI(), key), nil
}

// fingerprint tells a request from another under the same key.
func (c *call) fingerprint() []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%d ", c.caller.Match)
	h.Write(c.body)
	return h.Sum(nil)
}

// etag is the entity tag of a version (RFC 9110, Section 8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// precondition reads the version that the caller has seen, as [platform.Caller.Match] has it.
func (c *call) precondition() (int64, error) {
	match, none := c.r.Header.Get("If-Match"), c.r.Header.Get("If-None-Match")
	switch {
	case none == "" || c.route.method == http.MethodGet: // whose answer is given again whole
		return ifMatch(match)
	case none != "*" || match != "":
		return 0, &badRequest{http.StatusBadRequest, "If-None-Match: wanted *, and no If-Match beside it"}
	}
	return platform.Absent, nil
}

// nothing is the ETag of what is read before it was first written.
const nothing = `"0"`

// ifMatch reads the version that the caller has seen; zero: any.
func ifMatch(header string) (int64, error) {
	if header == "" || header == "*" {
		return 0, nil
	}
	if header == nothing {
		return platform.Absent, nil
	}
	tag, ok := strings.CutPrefix(header, `"`)
	tag, closed := strings.CutSuffix(tag, `"`)
	if !ok || !closed {
		return 0, &badRequest{http.StatusBadRequest, "If-Match: wanted one ETag as it was given, or *"}
	}
	version, err := strconv.ParseInt(tag, 10, 64)
	if err != nil || version <= 0 {
		return -1, nil // a tag that nothing has
	}
	return version, nil
}

const (
	defaultLimit = 20
	maxLimit     = 100
)

// cursor is where a list goes on, as JSON in base64url: opaque to clients.
type cursor struct {
	List  string `json:"l"` // which list it is of
	After string `json:"a"`
}

// list names the list that the request asks for: route, filters and organisation.
func (c *call) list() string {
	q := c.r.URL.Query()
	q.Del("cursor")
	q.Del("limit")
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", c.route.path, c.r.URL.Path, c.caller.Tenant, q.Encode()))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// from reads where a page begins and how long it may be.
func (c *call) from() (after string, limit int, err error) {
	q := c.r.URL.Query()
	limit = defaultLimit
	if s := q.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > maxLimit {
			return "", 0, &badRequest{http.StatusBadRequest, fmt.Sprintf("limit: wanted 1 to %d", maxLimit)}
		}
	}
	s := q.Get("cursor")
	if s == "" {
		return "", limit, nil
	}
	var at cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(b, &at) != nil || at.List != c.list() || at.After == "" {
		return "", 0, &badRequest{http.StatusBadRequest, "cursor: not one that this list gave out"}
	}
	return at.After, limit, nil
}

// paged says a page of a list.
func paged[T, W any](c *call, p platform.Page[T], limit int, wire func(T) W) *reply {
	out := &page{HasMore: p.Next != "", Limit: limit}
	if out.HasMore {
		b, err := json.Marshal(cursor{c.list(), p.Next})
		if err != nil {
			panic("internal error: api: " + err.Error()) // of strings
		}
		next := base64.RawURLEncoding.EncodeToString(b)
		out.NextCursor = &next
	}
	data := make([]W, len(p.Items))
	for i, item := range p.Items {
		data[i] = wire(item)
	}
	return &reply{data: data, page: out}
}
