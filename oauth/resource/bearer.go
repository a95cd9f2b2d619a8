package resource

import (
	"errors"
	"mime"
	"net/http"
	"strings"
)

// maxToken is the longest token accepted, in bytes.
const maxToken = 16 << 10

// source is where a request had its token.
type source int

const (
	fromNowhere source = iota
	fromHeader
	fromBody
	fromQuery
)

var (
	errMalformed = errors.New("malformed credentials")
	errTwoTokens = errors.New("more than one token")
	errForm      = errors.New("malformed form")
)

// find returns the one token of r and where it was. Its errors hold nothing of the request.
func (g *Guard) find(r *http.Request) (tok string, from source, err error) {
	add := func(t string, s source) {
		switch {
		case from != fromNowhere: // TestSources
			err = errTwoTokens
		case !isToken(t):
			err = errMalformed
		}
		tok, from = t, s
	}
	for _, h := range g.c.Headers {
		values := r.Header[h]
		if len(values) > 1 {
			return "", 0, errTwoTokens
		}
		if len(values) == 0 {
			continue
		}
		if t, ok := cutScheme(values[0]); ok {
			if add(t, fromHeader); err != nil {
				return "", 0, err
			}
		}
	}
	if g.c.FormBody && r.Method == http.MethodPost && isForm(r) {
		if r.ParseForm() != nil {
			return "", 0, errForm
		}
		for _, t := range r.PostForm["access_token"] {
			if add(t, fromBody); err != nil {
				return "", 0, err
			}
		}
	}
	if g.c.InsecureQuery && r.Method == http.MethodGet && r.URL.RawQuery != "" {
		for _, t := range r.URL.Query()["access_token"] {
			if add(t, fromQuery); err != nil {
				return "", 0, err
			}
		}
	}
	return tok, from, nil
}

// cutScheme returns what follows the scheme Bearer, which is compared without case, and one space. It
// reports false for other schemes. What only begins like the scheme was meant as it: the client reads
// "malformed" instead of searching for a header that it did send.
func cutScheme(v string) (string, bool) {
	const scheme = "bearer"
	if len(v) < len(scheme) || !strings.EqualFold(v[:len(scheme)], scheme) {
		return "", false
	}
	rest, ok := strings.CutPrefix(v[len(scheme):], " ")
	if !ok {
		return "", true // no token is empty
	}
	return rest, true
}

// isToken reports whether s is a b64token (RFC 6750, Section 2.1) of bearable length.
func isToken(s string) bool {
	body := strings.TrimRight(s, "=")
	if body == "" || len(s) > maxToken {
		return false
	}
	for i := range len(body) {
		switch b := body[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case strings.IndexByte("-._~+/", b) >= 0:
		default:
			return false
		}
	}
	return true
}

func isForm(r *http.Request) bool {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && t == "application/x-www-form-urlencoded"
}

// isFieldName reports whether s is a header's name, a token of RFC 9110, Section 5.6.2.
func isFieldName(s string) bool {
	for i := range len(s) {
		b := s[i]
		if b <= ' ' || b >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, b) >= 0 {
			return false
		}
	}
	return s != ""
}

// quotable reports whether s may stand in a quoted-string as it is.
func quotable(s string) bool {
	for i := range len(s) {
		if b := s[i]; b < ' ' || b > '~' || b == '"' || b == '\\' {
			return false
		}
	}
	return true
}
