package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
)

var errAddress = errors.New("not an address of the public internet")

// special are the networks of the IANA registries of special-purpose addresses that package netip has no
// method for. Several carry IPv4 addresses inside IPv6 ones, which lead where nobody looked.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // shared by carriers; metadata of some clouds
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), // documentation
	netip.MustParsePrefix("192.88.99.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("::ffff:0:0:0/96"), // IPv4-translated
	netip.MustParsePrefix("64:ff9b::/96"),    // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),  // discard
	netip.MustParsePrefix("2001::/23"), // Teredo and other protocols
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// Public reports whether a is an address of the public internet. An IPv4 address inside an IPv6 one counts as
// what it is, or, where a relay would unwrap it, not as public.
func Public(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// guard refuses to dial what is not public, or a port below 1024 other than 443. It runs once the name has
// been looked up, on the very address that is dialled, so that no answer of a name server can lead inside.
func guard(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	switch {
	case err != nil:
		return err
	case !Public(to.Addr()):
		return fmt.Errorf("%v: %w", to.Addr(), errAddress)
	case to.Port() < 1024 && to.Port() != 443:
		return fmt.Errorf("port %d: want 443, or 1024 and above", to.Port())
	}
	return nil
}

// NewGuarded is [New] for URIs that others choose than who runs the program. They are https, and only public
// addresses are dialled, unless anywhere is true; a transport of hc itself decides where it goes. At most 16
// documents are fetched at once; others wait, within [Timeout].
func NewGuarded(hc *http.Client, anywhere bool) *Client {
	if hc == nil {
		hc = new(http.Client)
	}
	c := New(hc)
	c.httpsOnly, c.slots = true, make(chan struct{}, 16)
	if c.http.Transport == nil {
		c.http.Transport = newTransport(guarded(anywhere))
	}
	return c
}

func guarded(anywhere bool) *net.Dialer {
	d := &net.Dialer{Timeout: Timeout}
	if !anywhere {
		d.ControlContext = guard
	}
	return d
}
