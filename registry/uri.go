package registry

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const maxURI = 2048 // bytes

// uri is a URI taken apart by [splitURI].
type uri struct {
	scheme    string // lower case
	authority bool   // there is one, perhaps empty
	host      string // as written, in brackets if IPv6
	port      string // as written; hasPort tells ":" from none
	hasPort   bool
	path      string
	query     string
}

// splitURI takes apart a URI of at most 2048 bytes that is ASCII, has a lower-case scheme and neither user
// information nor fragment, and in which no reader can disagree with another about what is host and what
// is path: no backslash, no control character, plain or percent-encoded, no wildcard, no dot segment.
func splitURI(s string) (u uri, err error) {
	if len(s) > maxURI {
		return u, fmt.Errorf("got %d bytes, wanted at most %d", len(s), maxURI)
	}
	if err := checkURIBytes(s); err != nil {
		return u, err
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) {
		return u, errors.New("no scheme in lower case")
	}
	u.scheme = scheme
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		u.authority = true
		end := strings.IndexAny(after, "/?")
		if end < 0 {
			end = len(after)
		}
		authority := after[:end]
		rest = after[end:]
		if strings.Contains(authority, "@") {
			return u, errors.New("has user information")
		}
		u.host = authority
		if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
			u.host, u.port, u.hasPort = authority[:i], authority[i+1:], true
		}
	}
	u.path, u.query, _ = strings.Cut(rest, "?")
	return u, checkPath(u.path)
}

// checkURIBytes allows the characters of RFC 3986, Section 2, less "*" and "#".
func checkURIBytes(s string) error {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '#':
			return errors.New("has a fragment")
		case c == '*':
			return errors.New("has a wildcard")
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return fmt.Errorf("has byte %#02x, which a URI does not", c)
		case c == '%':
			b, err := strconv.ParseUint(s[i+1:min(i+3, len(s))], 16, 8)
			if err != nil || i+3 > len(s) {
				return errors.New("has a bad percent encoding")
			}
			if b < ' ' || b == 0x7f {
				return errors.New("has an encoded control character")
			}
		}
	}
	return nil
}

// checkPath refuses what a server or proxy may resolve to another path.
func checkPath(path string) error {
	p := strings.ToLower(path)
	if strings.Contains(p, "%2f") || strings.Contains(p, "%5c") {
		return errors.New("has an encoded slash or backslash in its path")
	}
	p = strings.NewReplacer("%2e", ".", "%3b", ";").Replace(p)
	for segment := range strings.SplitSeq(p, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			return errors.New("has a dot segment")
		}
	}
	return nil
}

// isScheme tells whether s is a scheme (RFC 3986, Section 3.1) in lower case.
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.') {
			continue
		}
		return false
	}
	return s != ""
}

// isPort tells whether s is a port from 1 to 65535 as one would write it: no sign, no leading zero.
func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '0'
}

// checkHost accepts a DNS name or an IP address in its usual form. A name whose last label is a number is
// an address to browsers, in whatever base, so it has to be a dotted quad.
func checkHost(host string) error {
	if strings.HasPrefix(host, "[") {
		a, err := netip.ParseAddr(strings.TrimSuffix(host[1:], "]"))
		if err != nil || !strings.HasSuffix(host, "]") || !a.Is6() || a.Zone() != "" {
			return errors.New("has a bad IPv6 address")
		}
		return nil
	}
	if host == "" {
		return errors.New("has no host")
	}
	if len(host) > 253 {
		return errors.New("has a host of more than 253 bytes")
	}
	var last string
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || !isLabel(label) {
			return errors.New("has a bad host")
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(strings.ToLower(last), "0x") {
		if a, err := netip.ParseAddr(host); err != nil || !a.Is4() {
			return errors.New("has a bad IPv4 address")
		}
	}
	return nil
}

func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// checkWeb accepts a URI with an authority that a browser or an HTTP client may open.
func (u *uri) checkWeb() error {
	if !u.authority {
		return errors.New("has no host")
	}
	if err := checkHost(u.host); err != nil {
		return err
	}
	if u.hasPort && !isPort(u.port) {
		return fmt.Errorf("has port %q, wanted 1 to 65535", u.port)
	}
	return nil
}

// checkHTTPS accepts an https URI, or none.
func checkHTTPS(s string) error {
	if s == "" {
		return nil
	}
	u, err := splitURI(s)
	if err != nil {
		return err
	}
	if u.scheme != "https" {
		return fmt.Errorf("got scheme %q, wanted https", u.scheme)
	}
	return u.checkWeb()
}

// checkAbsolute accepts a URI of any scheme, such as a resource indicator (RFC 8707, Section 2).
func checkAbsolute(s string) error {
	u, err := splitURI(s)
	if err == nil && u.host == "" && u.path == "" {
		err = errors.New("has nothing after its scheme")
	}
	return err
}
