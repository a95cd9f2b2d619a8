package oauth

import (
	"slices"
	"time"

	"github.com/oauthcore/oauthcore/internal/chain"
)

// Grant records that a subject let an app act. It is a copy; changing it changes nothing.
type Grant struct {
	ID        string // empty: an app that acts for itself, whose tokens need no record
	App       string
	Login     Login // as it was; Session is not kept. Subject is the app's ID if the app acts for itself
	Scopes    []string
	Resources []string
	Data      []byte
	Created   time.Time
	Expires   time.Time
}

// grant is the record of a [Grant]: what was permitted, what ends it, and its credentials.
type grant struct {
	app, tenant string
	subject     string // empty: the app itself
	authTime    int64
	acr         string
	amr         []string
	scopes      []string
	resources   []string
	data        []byte
	created     int64
	expires     int64 // the latest, however often it is used

	epochs      epochs
	consented   bool // by the user on a page: the remembered consent then bounds its scopes
	refreshable bool
	ended       bool

	// What the exchange of the code must show. Kept afterwards: a second redemption ends the grant only
	// if it shows the same.
	codeExpires int64
	redirect    []byte // SHA-256 of redirect_uri if the request had one
	challenge   string // code_challenge, empty if waived

	chain chain.State

	unknown []byte // fields of a newer version of this library
}

// epochs are the counters that end many grants at once: a grant lives while those it was made under are
// the current ones.
type epochs struct{ app, installation, consent, subject int64 }

const (
	tagApp = iota + 1
	tagTenant
	tagSubject
	tagAuthTime
	tagACR
	tagAMR
	tagScope
	tagResource
	tagData
	tagCreated
	tagExpires
	tagEpochApp
	tagEpochInstallation
	tagEpochConsent
	tagEpochSubject
	tagConsented
	tagRefreshable
	tagEnded
	tagCodeExpires
	tagRedirect
	tagChallenge
	tagChain
)

// AppendBinary appends the stored form of g.
func (g *grant) AppendBinary(b []byte) ([]byte, error) {
	text := func(tag uint64, s string) {
		if s != "" {
			b = appendText(b, tag, s)
		}
	}
	text(tagApp, g.app)
	text(tagTenant, g.tenant)
	text(tagSubject, g.subject)
	b = appendInt(b, tagAuthTime, g.authTime)
	text(tagACR, g.acr)
	b = appendText(b, tagAMR, g.amr...)
	b = appendText(b, tagScope, g.scopes...)
	b = appendText(b, tagResource, g.resources...)
	if len(g.data) > 0 {
		b = appendField(b, tagData, g.data)
	}
	b = appendInt(b, tagCreated, g.created)
	b = appendInt(b, tagExpires, g.expires)
	b = appendInt(b, tagEpochApp, g.epochs.app)
	b = appendInt(b, tagEpochInstallation, g.epochs.installation)
	b = appendInt(b, tagEpochConsent, g.epochs.consent)
	b = appendInt(b, tagEpochSubject, g.epochs.subject)
	b = appendBool(b, tagConsented, g.consented)
	b = appendBool(b, tagRefreshable, g.refreshable)
	b = appendBool(b, tagEnded, g.ended)
	b = appendInt(b, tagCodeExpires, g.codeExpires)
	if len(g.redirect) > 0 {
		b = appendField(b, tagRedirect, g.redirect)
	}
	text(tagChallenge, g.challenge)
	state, err := g.chain.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	b = appendField(b, tagChain, state)
	return append(b, g.unknown...), nil
}

// UnmarshalBinary reads the stored form of a grant.
func (g *grant) UnmarshalBinary(b []byte) error {
	*g = grant{}
	sealed := false
	for len(b) > 0 {
		tag, v, whole, rest, err := nextField(b)
		if err != nil {
			return err
		}
		b = rest
		var flag int64
		switch tag {
		case tagApp:
			g.app = string(v)
		case tagTenant:
			g.tenant = string(v)
		case tagSubject:
			g.subject = string(v)
		case tagAuthTime:
			g.authTime, err = fieldInt(v)
		case tagACR:
			g.acr = string(v)
		case tagAMR:
			g.amr = append(g.amr, string(v))
		case tagScope:
			g.scopes = append(g.scopes, string(v))
		case tagResource:
			g.resources = append(g.resources, string(v))
		case tagData:
			g.data = append([]byte(nil), v...)
		case tagCreated:
			g.created, err = fieldInt(v)
		case tagExpires:
			g.expires, err = fieldInt(v)
		case tagEpochApp:
			g.epochs.app, err = fieldInt(v)
		case tagEpochInstallation:
			g.epochs.installation, err = fieldInt(v)
		case tagEpochConsent:
			g.epochs.consent, err = fieldInt(v)
		case tagEpochSubject:
			g.epochs.subject, err = fieldInt(v)
		case tagConsented:
			flag, err = fieldInt(v)
			g.consented = flag != 0
		case tagRefreshable:
			flag, err = fieldInt(v)
			g.refreshable = flag != 0
		case tagEnded:
			flag, err = fieldInt(v)
			g.ended = flag != 0
		case tagCodeExpires:
			g.codeExpires, err = fieldInt(v)
		case tagRedirect:
			g.redirect = append([]byte(nil), v...)
		case tagChallenge:
			g.challenge = string(v)
		case tagChain:
			sealed, err = true, g.chain.UnmarshalBinary(v)
		default:
			g.unknown = append(g.unknown, whole...)
		}
		if err != nil {
			return err
		}
	}
	// A record that lost what decides must not pass for one that asks for less.
	if !sealed || g.app == "" || g.expires == 0 {
		return errFields
	}
	return nil
}

// public is the copy that hooks and callers get.
func (g *grant) public(id chain.ID) *Grant {
	p := &Grant{
		ID: grantID(id), App: g.app,
		Login:  Login{Subject: g.subject, Tenant: g.tenant, ACR: g.acr, AMR: slices.Clone(g.amr)},
		Scopes: slices.Clone(g.scopes), Resources: slices.Clone(g.resources), Data: slices.Clone(g.data),
		Created: time.Unix(g.created, 0), Expires: time.Unix(g.expires, 0),
	}
	if g.subject == "" {
		p.Login.Subject = g.app
	}
	if g.authTime != 0 {
		p.Login.Time = time.Unix(g.authTime, 0)
	}
	return p
}

// grantID is how a grant is named in keys, events and hooks; zero has no name.
func grantID(id chain.ID) string {
	if id == (chain.ID{}) {
		return ""
	}
	return id.String()
}
