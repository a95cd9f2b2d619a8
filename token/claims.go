package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/internal/jose"
	"github.com/oauthcore/oauthcore/internal/scope"
)

// Claims is what an access token says, whether it was read from a JWT or from introspection.
//
// It encodes to and from the JSON of RFC 9068 section 2.2 and RFC 7662 section 2.2. A zero field is absent,
// and so is a zero [time.Time]. Times are written in whole seconds; fractions are kept when read.
// Claims that are lists may be a single string when read; scope is a string with spaces when written, and
// that or an array when read.
type Claims struct {
	Issuer    string    // iss
	Subject   string    // sub
	Audience  []string  // aud; written as a string if it is one
	Expires   time.Time // exp
	NotBefore time.Time // nbf
	IssuedAt  time.Time // iat
	ID        string    // jti
	ClientID  string    // client_id
	Scopes    []string  // scope; each of the characters of RFC 6749 section 3.3

	AuthTime time.Time // auth_time
	ACR      string    // acr
	AMR      []string  // amr

	Tenant       string   // tenant
	Roles        []string // roles
	Groups       []string // groups
	Entitlements []string // entitlements

	JKT     string // cnf.jkt: thumbprint of the DPoP key the token is bound to (RFC 9449)
	X5TS256 string // cnf.x5t#S256: thumbprint of the certificate (RFC 8705)

	// Extra holds every other claim as JSON. Writing is refused if a name is one of those above in any case
	// of letters, or act, may_act, active or token_type, which say what a host's claim must not.
	Extra map[string]json.RawMessage
}

// reserved are the names that Extra may not write. Beside the claims that have a field these are the
// actors of RFC 8693, which a resource server would take for a delegation, and what an introspection answer
// adds to the claims.
var reserved = [...]string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "auth_time", "acr", "amr",
	"tenant", "roles", "groups", "entitlements", "cnf", "act", "may_act", "active", "token_type",
}

// MarshalJSON encodes c. It returns an error for text that is not UTF-8, a scope with characters that RFC
// 6749 section 3.3 forbids, a time outside the years 1970 to 9999, and an entry of Extra that is reserved or
// not strict JSON.
func (c Claims) MarshalJSON() ([]byte, error) {
	b, err := c.appendJSON(make([]byte, 0, 512))
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return b, nil
}

// UnmarshalJSON decodes b into c, replacing it whole. It returns an error for JSON that is not strict
// (duplicate members at any level, broken Unicode, 64 levels), for a claim of a wrong type, null included,
// and for a cnf that binds the token in a way c cannot express.
func (c *Claims) UnmarshalJSON(b []byte) error {
	var d Claims
	if err := d.decode(b); err != nil {
		return fmt.Errorf("token: claims: %w", err)
	}
	*c = d
	return nil
}

// appendJSON appends the claims in one pass.
func (c *Claims) appendJSON(b []byte) ([]byte, error) {
	e := encoder{b: append(b, '{')}
	e.text("iss", c.Issuer)
	e.text("sub", c.Subject)
	if len(c.Audience) == 1 {
		e.name("aud")
		e.value(c.Audience[0])
	} else {
		e.list("aud", c.Audience)
	}
	e.time("exp", c.Expires)
	e.time("nbf", c.NotBefore)
	e.time("iat", c.IssuedAt)
	e.text("jti", c.ID)
	e.text("client_id", c.ClientID)
	e.scope(c.Scopes)
	e.time("auth_time", c.AuthTime)
	e.text("acr", c.ACR)
	e.list("amr", c.AMR)
	e.text("tenant", c.Tenant)
	e.list("roles", c.Roles)
	e.list("groups", c.Groups)
	e.list("entitlements", c.Entitlements)
	if c.JKT != "" || c.X5TS256 != "" {
		e.name("cnf")
		e.b = append(e.b, '{')
		e.text("jkt", c.JKT)
		e.text("x5t#S256", c.X5TS256)
		e.b = append(e.b, '}')
	}
	e.extra(c.Extra)
	return append(e.b, '}'), e.err
}

// encoder appends members to an object; err is the first error.
type encoder struct {
	b   []byte
	err error
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

// comma ends the member before, if there is one in the object.
func (e *encoder) comma() {
	if e.b[len(e.b)-1] != '{' {
		e.b = append(e.b, ',')
	}
}

// name begins a member whose name needs no escapes.
func (e *encoder) name(name string) {
	e.comma()
	e.b = append(append(append(e.b, '"'), name...), `":`...)
}

func (e *encoder) value(s string) {
	var err error
	if e.b, err = jose.AppendString(e.b, s); err != nil {
		e.fail("claim %q: %w", s, err)
	}
}

func (e *encoder) text(name, s string) {
	if s != "" {
		e.name(name)
		e.value(s)
	}
}

func (e *encoder) list(name string, list []string) {
	if len(list) == 0 {
		return
	}
	e.name(name)
	e.b = append(e.b, '[')
	for i, s := range list {
		if i > 0 {
			e.b = append(e.b, ',')
		}
		e.value(s)
	}
	e.b = append(e.b, ']')
}

func (e *encoder) scope(scopes []string) {
	if len(scopes) == 0 {
		return
	}
	e.name("scope")
	e.b = append(e.b, '"')
	for i, s := range scopes {
		if i > 0 {
			e.b = append(e.b, ' ')
		}
		// A space would make two scopes of one.
		if !scope.Valid(s) {
			e.fail("scope %q: want printable ASCII without space, quote and backslash", s)
		}
		e.b = append(e.b, s...)
	}
	e.b = append(e.b, '"')
}

func (e *encoder) time(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	s := t.Unix()
	if s < 0 || s > maxSeconds {
		e.fail("claim %q: year %d, want 1970 to 9999", name, t.UTC().Year())
	}
	e.name(name)
	e.b = strconv.AppendInt(e.b, s, 10)
}

func (e *encoder) extra(extra map[string]json.RawMessage) {
	if len(extra) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if slices.ContainsFunc(reserved[:], func(r string) bool { return strings.EqualFold(r, name) }) {
			e.fail("extra claim %q: the name is reserved", name)
		}
		if err := jose.CheckValue(extra[name]); err != nil {
			e.fail("extra claim %q: %w", name, err)
		}
		e.comma()
		e.value(name)
		e.b = append(append(e.b, ':'), extra[name]...)
	}
}

// decode reads the claims of a strict JSON object into c, which is zero. What it holds after an error is
// of no use.
func (c *Claims) decode(b []byte) error {
	return jose.Members(b, func(name, value []byte) error {
		if err := c.member(name, value); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		return nil
	})
}

// member takes one claim. Names are compared exactly: EXP is an unknown claim.
func (c *Claims) member(name, value []byte) (err error) {
	switch string(name) {
	case "iss":
		c.Issuer, err = jose.String(value)
	case "sub":
		c.Subject, err = jose.String(value)
	case "aud":
		c.Audience, err = jose.Strings(value)
	case "exp":
		c.Expires, err = numericDate(value)
	case "nbf":
		c.NotBefore, err = numericDate(value)
	case "iat":
		c.IssuedAt, err = numericDate(value)
	case "jti":
		c.ID, err = jose.String(value)
	case "client_id":
		c.ClientID, err = jose.String(value)
	case "scope":
		c.Scopes, err = scopes(value)
	case "auth_time":
		c.AuthTime, err = numericDate(value)
	case "acr":
		c.ACR, err = jose.String(value)
	case "amr":
		c.AMR, err = jose.Strings(value)
	case "tenant":
		c.Tenant, err = jose.String(value)
	case "roles":
		c.Roles, err = jose.Strings(value)
	case "groups":
		c.Groups, err = jose.Strings(value)
	case "entitlements":
		c.Entitlements, err = jose.Strings(value)
	case "cnf":
		err = c.confirmation(value)
	default:
		if c.Extra == nil {
			c.Extra = make(map[string]json.RawMessage)
		}
		c.Extra[string(name)] = bytes.Clone(value)
	}
	return err
}

// confirmation takes cnf. A member that is not understood binds the token to something nobody would check,
// and an empty one says that it is bound without saying to what, so both are refused (RFC 7800 section 3.1).
func (c *Claims) confirmation(value []byte) error {
	err := jose.Members(value, func(name, value []byte) (err error) {
		switch string(name) {
		case "jkt":
			c.JKT, err = jose.String(value)
		case "x5t#S256":
			c.X5TS256, err = jose.String(value)
		default:
			return errors.New("a confirmation method that is not known")
		}
		if err == nil && len(value) == len(`""`) {
			err = errors.New("an empty confirmation")
		}
		return err
	})
	if err == nil && c.JKT == "" && c.X5TS256 == "" {
		err = errors.New("an empty confirmation")
	}
	return err
}

// scopes reads a scope claim: strings of RFC 6749 section 3.3, one or an array of them.
func scopes(value []byte) ([]string, error) {
	list, err := jose.Strings(value)
	if err != nil {
		return nil, err
	}
	if value[0] == '"' {
		if list[0] == "" {
			return nil, nil
		}
		list = strings.Split(list[0], " ")
	}
	for _, s := range list {
		if !scope.Valid(s) {
			return nil, errors.New("not a scope")
		}
	}
	return list, nil
}

// maxSeconds is the last second of the year 9999.
const maxSeconds = 253402300799

// numericDate reads seconds since 1970, which may have a fraction (RFC 7519 section 2).
func numericDate(value []byte) (time.Time, error) {
	if s, err := strconv.ParseUint(string(value), 10, 64); err == nil && s <= maxSeconds {
		return time.Unix(int64(s), 0), nil
	}
	if c := value[0]; c != '-' && (c < '0' || c > '9') {
		return time.Time{}, errors.New("not a number")
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f < 0 || f > maxSeconds {
		return time.Time{}, errors.New("not a time of the years 1970 to 9999")
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}
