package registry

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// AllowsRedirect reports whether uri is one of the app's RedirectURIs, byte for byte (RFC 9700, Section
// 2.1). For http://127.0.0.1 and http://[::1] alone the port may differ, for an app that listens on
// whichever is free (RFC 8252, Section 7.3); "localhost" is a name like any other. It does not allocate.
func (m *Manifest) AllowsRedirect(uri string) bool {
	for _, registered := range m.RedirectURIs {
		if registered == uri && uri != "" { // TestManifestAllowsRedirect
			return true
		}
		if host, rest, ok := cutLoopback(registered); ok {
			if h, r, ok := cutLoopback(uri); ok && h == host && r == rest {
				return true
			}
		}
	}
	return false
}

// cutLoopback parts an http URI on a loopback address into what comes before its port, and after.
func cutLoopback(uri string) (before, after string, ok bool) {
	for _, before := range [...]string{"http://127.0.0.1", "http://[::1]"} {
		after, found := strings.CutPrefix(uri, before)
		if !found {
			continue
		}
		if port, found := strings.CutPrefix(after, ":"); found {
			end := strings.IndexAny(port, "/?")
			if end < 0 {
				end = len(port)
			}
			if !isPort(port[:end]) { // TestManifestAllowsRedirect
				return "", "", false
			}
			after = port[end:]
		}
		return before, after, after == "" || after[0] == '/' || after[0] == '?'
	}
	return "", "", false
}

// answers are the parameters that the authorization endpoint adds to a redirect URI (RFC 6749, Section
// 4.1.2, RFC 9207): one that is there already would be read in their place.
var answers = []string{"code", "state", "iss", "error", "error_description", "error_uri"}

// checkRedirects accepts at most 32 different redirect URIs.
func checkRedirects(uris []string) error {
	if len(uris) > maxRedirects {
		return fmt.Errorf("got %d, wanted at most %d", len(uris), maxRedirects)
	}
	var errs []error
	for i, uri := range uris {
		if err := checkRedirect(uri); err != nil { // TestManifestValidateRedirect
			errs = append(errs, fmt.Errorf("%.100q %w", uri, err))
		}
		if slices.Contains(uris[:i], uri) {
			errs = append(errs, fmt.Errorf("%.100q comes twice", uri))
		}
	}
	return errors.Join(errs...)
}

// checkRedirect accepts the redirect URIs that can be registered: https, http on a loopback host, and the
// private-use schemes of native apps. It is a rule of what is allowed, because no list of dangerous
// schemes is ever complete (RFC 9700, Section 4.1; RFC 8252, Section 7).
func checkRedirect(s string) error {
	if s == "" {
		return errors.New("is empty")
	}
	u, err := splitURI(s)
	if err != nil {
		return err
	}
	switch {
	case u.scheme == "https":
		err = u.checkWeb()
	case u.scheme == "http":
		if u.host != "127.0.0.1" && u.host != "[::1]" && u.host != "localhost" {
			return errors.New("is http, wanted https, or one of the hosts 127.0.0.1, [::1] and localhost")
		}
		err = u.checkWeb()
	case strings.Contains(u.scheme, "."):
		err = u.checkPrivate()
	default:
		return fmt.Errorf("got scheme %q, wanted https, http on a loopback host, or a reverse domain name such as com.example.app", u.scheme)
	}
	if err != nil {
		return err
	}
	for member := range strings.SplitSeq(u.query, "&") {
		name, _, _ := strings.Cut(member, "=")
		if name, err := url.QueryUnescape(name); err != nil || slices.Contains(answers, name) {
			return fmt.Errorf("has %q in its query, which the answer sets", name)
		}
	}
	return nil
}

// checkPrivate accepts com.example.app:/path, and com.example.app://name/path as many apps write it.
func (u *uri) checkPrivate() error {
	for label := range strings.SplitSeq(u.scheme, ".") {
		if label == "" {
			return errors.New("has a scheme that is no reverse domain name")
		}
	}
	switch {
	case u.authority && !isLabel(strings.ReplaceAll(u.host, ".", "")), u.authority && u.host == "", u.hasPort:
		return errors.New("has a bad name after //")
	case !u.authority && !strings.HasPrefix(u.path, "/"):
		return errors.New("has no / after its scheme")
	}
	return nil
}
