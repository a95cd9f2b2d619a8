package resource

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/internal/fetch"
)

// wellKnown goes between host and path (RFC 9728, Section 3.1).
const wellKnown = "/.well-known/oauth-protected-resource"

// document is the metadata of this API as it is served.
type document struct {
	url  string // where clients find it
	path string // of url
	body []byte
}

// newDocument derives the metadata and its URL from c. It states what is wired and nothing more.
func newDocument(c *Config) (*document, error) {
	id := c.Accept.Audience
	if err := fetch.CheckURI(id); err != nil {
		return nil, fmt.Errorf("Accept.Audience: %w", err)
	}
	u, err := url.Parse(id)
	if err != nil {
		return nil, err
	}
	if u.EscapedPath() != u.Path || strings.ContainsAny(u.Path, "{}") || !isClean(u.Path) {
		return nil, errors.New("the path of Accept.Audience has characters that a route cannot have")
	}
	route := wellKnown
	if u.Path != "/" {
		route += u.Path
	}
	d := &document{url: u.Scheme + "://" + u.Host + route, path: route}
	if u.RawQuery != "" {
		d.url += "?" + u.RawQuery
	}

	var methods []string
	if slices.Contains(c.Headers, "Authorization") {
		methods = append(methods, "header")
	}
	if c.FormBody {
		methods = append(methods, "body")
	}
	if c.InsecureQuery {
		methods = append(methods, "query")
	}
	d.body, err = json.Marshal(struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported,omitempty"`
		Methods  []string `json:"bearer_methods_supported,omitempty"`
	}{id, []string{c.Accept.Issuer}, c.Scopes, methods})
	return d, err
}

// isClean reports whether a router would leave the path p as it is.
func isClean(p string) bool {
	return p == "" || p == "/" || path.Clean(p) == strings.TrimSuffix(p, "/")
}

// Metadata returns the route and the handler of this API's RFC 9728 document, in the order that
// [http.ServeMux.Handle] takes them:
//
//	mux.Handle(g.Metadata())
//
// The route belongs at the root of the audience's host, whatever the API's own path is. It panics if
// Config.Metadata is not set.
func (g *Guard) Metadata() (pattern string, h http.Handler) {
	d := g.document
	if d == nil {
		panic("resource: Guard.Metadata: Config.Metadata is not set")
	}
	pattern = d.path
	if strings.HasSuffix(pattern, "/") {
		pattern += "{$}"
	}
	return pattern, d
}

// ServeHTTP lets any origin read: the document is public, and clients in browsers begin with it.
func (d *document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		h.Set("Content-Type", "application/json")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "public, max-age=300")
		w.Write(d.body) // a client that has gone needs no answer
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(http.StatusNoContent)
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}
