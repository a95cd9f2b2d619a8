// Package fetch gets small documents from servers that are not to be trusted with time, memory or the choice
// of where to go next.
//
// # Design
//
// A fetch is bounded before it begins: five seconds for everything, a size for the decoded body, one
// address. Redirects are not followed at all; the rejected choice, following those to the same host, has let
// other implementations be walked to file URLs and private networks. Compressed answers are not asked for and
// refused when they come, so that the size on the wire is the size in memory.
//
// Which addresses may be dialled is the business of the client's transport, where the address is known; see
// [New].
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Timeout bounds a whole fetch, from the look-up of the name to the last byte.
const Timeout = 5 * time.Second

// Client gets documents. It is safe for many goroutines.
type Client struct{ http http.Client }

// New returns a client that uses the transport and timeout of hc, but neither its cookies nor its redirects.
// nil means a transport of its own without a proxy, which keeps no connections open.
func New(hc *http.Client) *Client {
	c := &Client{}
	if hc != nil {
		c.http = *hc
	} else {
		c.http.Transport = &http.Transport{
			DialContext:            (&net.Dialer{Timeout: Timeout}).DialContext,
			ForceAttemptHTTP2:      true,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	c.http.Jar = nil
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// Document is an answer of status 200.
type Document struct {
	Body   []byte
	MaxAge time.Duration // how long it may be kept by its Cache-Control; negative: it does not say
}

// Get fetches a document of at most limit bytes. The type that the server gives it is not looked at: whoever
// parses the document knows better.
func (c *Client) Get(ctx context.Context, uri string, limit int) (*Document, error) {
	if err := CheckURI(uri); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, */*;q=0.5")
	// Naming the encoding keeps the transport from asking for another and unpacking it unseen.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	switch enc := res.Header.Get("Content-Encoding"); {
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("GET %q: status %d, want 200", uri, res.StatusCode)
	case enc != "" && !strings.EqualFold(enc, "identity"):
		return nil, fmt.Errorf("GET %q: a compressed answer", uri)
	case res.ContentLength > int64(limit):
		return nil, fmt.Errorf("GET %q: %d bytes, want at most %d", uri, res.ContentLength, limit)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("GET %q: %w", uri, err)
	}
	if len(body) > limit {
		return nil, fmt.Errorf("GET %q: more than %d bytes", uri, limit)
	}
	return &Document{Body: body, MaxAge: maxAge(res.Header)}, nil
}

// CheckURI refuses whatever is not an https URI of a host, without userinfo and fragment. http is allowed for
// loopback hosts: 127.0.0.0/8, [::1] and localhost.
func CheckURI(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil:
		return errors.New("a URI that does not parse")
	case u.User != nil:
		return errors.New("a URI with userinfo") // which may be a password
	case u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())):
		return fmt.Errorf("URI %q: want https, or http on loopback", uri)
	case u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("URI %q: no host", uri)
	case strings.Contains(uri, "#"):
		return fmt.Errorf("URI %q: with a fragment", uri)
	}
	return nil
}

// Loopback reports whether host, without a port, names this machine.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// maxAge reads Cache-Control (RFC 9111 section 5.2.2). An answer not to be stored or not to be used again
// unasked has an age of zero.
func maxAge(h http.Header) time.Duration {
	age := time.Duration(-1)
	for _, line := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				if s, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
					age = time.Duration(s) * time.Second
				}
			}
		}
	}
	return age
}
