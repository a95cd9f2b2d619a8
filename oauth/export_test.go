package oauth

import (
	"context"
	"net/url"
	"time"

	"github.com/oauthcore/oauthcore/registry"
)

// Situation is what the decision of the authorization endpoint rests on, in the terms of the API.
type Situation struct {
	App          *registry.App
	Request      url.Values // scope, prompt, max_age, redirect_uri
	Arrived      time.Time
	Login        *Login
	Posted       bool // by the session that saw the consent page
	Installation *registry.Installation
	Missing      bool // an installation is needed, and there is none
	Consent      Consent
	ConsentTo    registry.Manifest // the app as it was when the user consented
}

// Decide returns "sign-in", "consent" or "grant" or an error, and the scopes with those that are new.
func (s *Situation) Decide() (outcome string, scopes, fresh []string, err error) {
	f := &situation{arrived: s.Arrived.Unix(), login: s.Login, posted: s.Posted,
		req: &request{params: s.Request, app: s.App, redirect: s.Request.Get("redirect_uri")}}
	if f.req.scopes, err = parseScope(s.Request.Get("scope")); err != nil {
		return "", nil, nil, err
	}
	if err := f.req.readPrompt(); err != nil {
		return "", nil, nil, err
	}
	if s.Login != nil {
		f.st = &standing{app: s.App, installation: s.Installation, missing: s.Missing}
		v := &f.st.consent.Value
		v.holdFor(&s.ConsentTo)
		if !s.Consent.Since.IsZero() {
			v.Since, v.Allowed, v.Refused = s.Consent.Since.Unix(), s.Consent.Scopes, s.Consent.Refused
		}
	}
	o, scopes, fresh, err := f.decide()
	return [...]string{showSignIn: "sign-in", showConsent: "consent", grantNow: "grant"}[o], scopes, fresh, err
}

// RecodeGrant decodes the stored form of a grant and encodes it again.
func RecodeGrant(b []byte) ([]byte, error) {
	var g grant
	if err := g.UnmarshalBinary(b); err != nil {
		return nil, err
	}
	return g.AppendBinary(nil)
}

// RecodeAccess decodes what an opaque token seals and encodes it again.
func RecodeAccess(b []byte) ([]byte, bool) {
	a, ok := parseAccess(b)
	if !ok {
		return nil, false
	}
	return a.appendBinary(nil), true
}

// OpenAccess returns what an opaque token seals.
func (s *Server) OpenAccess(tok string) []byte {
	a, err := s.begin(context.Background(), "test", nil).open(tok)
	if err != nil {
		return nil
	}
	return a.appendBinary(nil)
}

// RecodeAccessID parses a jti and formats it again.
func RecodeAccessID(s string) (string, bool) {
	id, ok := parseAccessID(s)
	return id.String(), ok
}

// HoldHashing takes the turns of apps at hashing client secrets until release is called.
func (s *Server) HoldHashing(apps ...string) (release func()) {
	var all []func()
	for _, app := range apps {
		done, err := s.hashing.take(context.Background(), app, "")
		if err != nil {
			panic(err)
		}
		all = append(all, done)
	}
	return func() {
		for _, done := range all {
			done()
		}
	}
}

// HashingUsers returns how many requests hash for an app, or wait for the one that does.
func (s *Server) HashingUsers(app string) int {
	s.hashing.mu.Lock()
	defer s.hashing.mu.Unlock()
	if q := s.hashing.queues[app]; q != nil {
		return q.users
	}
	return 0
}

// HashingQueues returns how many queues somebody is in.
func (s *Server) HashingQueues() int {
	s.hashing.mu.Lock()
	defer s.hashing.mu.Unlock()
	return len(s.hashing.queues)
}

// RemoteKeySets returns how many key sets of apps with a jwks_uri are remembered.
func (s *Server) RemoteKeySets() int {
	s.jwks.mu.Lock()
	defer s.jwks.mu.Unlock()
	return len(s.jwks.sets)
}

// NewLimiter returns the Limiter that a server has if the host gives none.
func NewLimiter(now func() time.Time) Limiter { return newLimiter(now) }

// LimiterSize returns how many keys it remembers.
func LimiterSize(l Limiter) int { return l.(*limiter).due.Len() }
