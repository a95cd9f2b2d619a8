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
// Which addresses may be dialled is decided in the transport, where the address is known: [NewGuarded] is for
// URIs that strangers choose, [New] for those of whoever runs the program, who may well mean a private network.
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
type Client struct {
	http      http.Client
	httpsOnly bool
	slots     chan struct{} // one for each fetch under way; nil: any number
}

// New returns a client that uses the transport and timeout of hc, but neither its cookies nor its redirects.
// nil means a transport of its own without a proxy, which keeps no connections open.
func New(hc *http.Client) *Client {
	c := &Client{}
	if hc != nil {
		c.http = *hc
	} else {
		c.http.Transport = newTransport(&net.Dialer{Timeout: Timeout})
	}
	c.http.Jar = nil
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

func newTransport(d *net.Dialer) *http.Transport {
	return &http.Transport{
		DialContext:            d.DialContext,
		ForceAttemptHTTP2:      true,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Document is an answer of status 200.
type Document struct {
	Body   []byte
	MaxAge time.Duration // how long it may be kept by its Cache-Control, Age and Expires; negative: they do not say
}

// Get fetches a document of at most limit bytes. The type that the server gives it is not looked at: whoever
// parses the document knows better.
func (c *Client) Get(ctx context.Context, uri string, limit int) (*Document, error) {
	if err := CheckURI(uri); err != nil {
		return nil, err
	}
	if c.httpsOnly && !strings.HasPrefix(strings.ToLower(uri), "https:") {
		return nil, fmt.Errorf("URI %q: want https", uri)
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if c.slots != nil {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-ctx.Done():
			return nil, fmt.Errorf("GET %q: too many others are under way: %w", uri, context.Cause(ctx))
		}
	}
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

// maxAge is for how long an answer is fresh (RFC 9111, Section 4.2): by Cache-Control, else by Expires, less the
// Age that it came with. One not to be stored or not to be used again unasked has an age of zero.
func maxAge(h http.Header) time.Duration {
	age := time.Duration(-1)
	for _, line := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				if s, ok := seconds(strings.Trim(value, `"`)); ok {
					age = s
				}
			}
		}
	}
	if age < 0 && h.Get("Expires") != "" {
		expires, err := http.ParseTime(h.Get("Expires"))
		date, errDate := http.ParseTime(h.Get("Date"))
		if age = 0; err == nil && errDate == nil { // what does not parse is past (RFC 9111, Section 5.3), and so is one without a Date
			age = max(0, expires.Sub(date))
		}
	}
	if already, ok := seconds(h.Get("Age")); ok && age > 0 {
		age = max(0, age-already)
	}
	return age
}

func seconds(digits string) (time.Duration, bool) {
	s, err := strconv.ParseUint(digits, 10, 31)
	return time.Duration(s) * time.Second, err == nil
}
