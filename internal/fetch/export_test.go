package fetch

import (
	"context"
	"net"
	"net/http"
)

var ErrAddress = errAddress

// Guard is what the dialer of a guarded client asks.
func Guard(address string) error { return guard(context.Background(), "tcp", address, nil) }

// SetResolver makes a guarded client look names up elsewhere.
func SetResolver(c *Client, r *net.Resolver) {
	d := guarded(false)
	d.Resolver = r
	c.http.Transport.(*http.Transport).DialContext = d.DialContext
}
