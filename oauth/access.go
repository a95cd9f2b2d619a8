package oauth

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/oauthcore/oauthcore/internal/chain"
)

// An access token carries its own facts; its form, JWT or opaque, only chooses the seal.
type access struct {
	id        accessID
	app       string
	tenant    string // of an app that acts for itself; else the grant's
	issued    int64
	expires   int64
	scopes    []string
	resources []string
}

// accessID is the jti: the grant and a serial, or, without a grant, random bits and the epochs that the
// token was minted under. One parse serves denial, look-up of the grant, and epochs.
type accessID struct {
	grant  chain.ID // zero: none
	serial [16]byte // the first 8 bytes if there is a grant
	epochs epochs   // app and installation, if there is no grant
}

const (
	idOfGrant = 1
	idAlone   = 2
)

// newAccessID draws the jti of a token of a grant.
func newAccessID(grant chain.ID) accessID {
	id := accessID{grant: grant}
	rand.Read(id.serial[:8])
	return id
}

// newAloneID draws the jti of a token without a grant, minted under these epochs.
func newAloneID(e epochs) accessID {
	id := accessID{epochs: e}
	rand.Read(id.serial[:])
	return id
}

func (id accessID) String() string {
	b := make([]byte, 0, 40)
	if id.grant != (chain.ID{}) {
		b = append(b, idOfGrant)
		b = append(b, id.grant[:]...)
		b = append(b, id.serial[:8]...)
	} else {
		b = append(b, idAlone)
		b = append(b, id.serial[:]...)
		b = binary.AppendVarint(b, id.epochs.app)
		b = binary.AppendVarint(b, id.epochs.installation)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeText reads base64url of which every byte sequence has exactly one form, so that no token has two texts.
// decodeHex does the same.
func decodeText(s string) ([]byte, error) {
	if at := strings.IndexAny(s, "\r\n"); at >= 0 { // the decoder skips them
		return nil, base64.CorruptInputError(at)
	}
	return base64.RawURLEncoding.Strict().DecodeString(s)
}

func decodeHex(s string) ([]byte, error) {
	if at := strings.IndexAny(s, "ABCDEF"); at >= 0 {
		return nil, hex.InvalidByteError(s[at])
	}
	return hex.DecodeString(s)
}

// parseAccessID reads a jti of this server; other tokens under its keys have none of this form.
func parseAccessID(s string) (id accessID, ok bool) {
	if len(s) > 64 {
		return id, false
	}
	b, err := decodeText(s)
	if err != nil || len(b) == 0 {
		return id, false
	}
	kind, b := b[0], b[1:]
	switch {
	case kind == idOfGrant && len(b) == len(id.grant)+8:
		copy(id.grant[:], b)
		copy(id.serial[:8], b[len(id.grant):])
		return id, id.grant != (chain.ID{})
	case kind == idAlone && len(b) > len(id.serial):
		b = b[copy(id.serial[:], b):]
		var n, m int
		id.epochs.app, n = binary.Varint(b)
		if n <= 0 {
			return id, false
		}
		id.epochs.installation, m = binary.Varint(b[n:])
		return id, m > 0 && n+m == len(b)
	}
	return id, false
}

const (
	accessTagID = iota + 1
	accessTagApp
	accessTagTenant
	accessTagIssued
	accessTagExpires
	accessTagScope
	accessTagResource
)

// appendBinary appends what an opaque token seals.
func (a *access) appendBinary(b []byte) []byte {
	b = appendText(b, accessTagID, a.id.String())
	b = appendText(b, accessTagApp, a.app)
	if a.tenant != "" {
		b = appendText(b, accessTagTenant, a.tenant)
	}
	b = appendInt(b, accessTagIssued, a.issued)
	b = appendInt(b, accessTagExpires, a.expires)
	b = appendText(b, accessTagScope, a.scopes...)
	return appendText(b, accessTagResource, a.resources...)
}

// parseAccess reads what an opaque token sealed. A field that it does not know means a restriction that
// it cannot enforce, so such a token is refused.
func parseAccess(b []byte) (a access, ok bool) {
	for len(b) > 0 {
		tag, v, _, rest, err := nextField(b)
		if err != nil {
			return a, false
		}
		b = rest
		switch tag {
		case accessTagID:
			if a.id, ok = parseAccessID(string(v)); !ok {
				return a, false
			}
		case accessTagApp:
			a.app = string(v)
		case accessTagTenant:
			a.tenant = string(v)
		case accessTagIssued:
			a.issued, err = fieldInt(v)
		case accessTagExpires:
			a.expires, err = fieldInt(v)
		case accessTagScope:
			a.scopes = append(a.scopes, string(v))
		case accessTagResource:
			a.resources = append(a.resources, string(v))
		default:
			return a, false
		}
		if err != nil {
			return a, false
		}
	}
	return a, a.app != "" && a.expires != 0
}
