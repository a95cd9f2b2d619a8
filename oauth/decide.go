package oauth

import (
	"slices"
	"strings"

	"github.com/oauthcore/oauthcore/internal/scope"
)

// outcome is what an authorization request comes to, short of an error.
type outcome int

const (
	showSignIn outcome = iota
	showConsent
	grantNow
)

// situation is all that the decision rests on.
type situation struct {
	req     *request
	arrived int64 // when the request first came, Unix seconds
	login   *Login
	st      *standing // of the login's tenant and subject; nil without a login
	posted  bool      // the consent form has come back, from who was shown it
}

// decide answers page, grant or refuse: for the first GET, the return from sign-in and the POST alike.
// It also returns the scopes that can be granted and those of them that the user has not allowed before.
func (f *situation) decide() (o outcome, scopes, fresh []string, err error) {
	req := f.req
	if !f.signedIn() {
		if req.none {
			return 0, nil, nil, refuse("login_required", "nobody is signed in, or not recently enough")
		}
		return showSignIn, nil, nil, nil
	}
	if !f.st.installed() { // TestDecide
		return 0, nil, nil, refuse("access_denied", "the app is not installed in this organisation")
	}
	scopes = f.st.permitted(req.scopes, false)
	if len(scopes) == 0 && len(req.scopes) > 0 {
		return 0, nil, nil, refuse("invalid_scope", "nothing of the scope is permitted here")
	}
	required := scope.Within(req.scopes, req.app.Manifest.RequiredScopes)
	if !scope.Subset(required, scopes) {
		return 0, nil, nil, refuse("access_denied", "a scope that the app requires is not permitted here")
	}

	given := f.st.consent.Value
	given.holdFor(&req.app.Manifest)
	fresh = scope.Without(scopes, given.Allowed)
	allowed := scope.Within(scopes, given.Allowed)
	switch {
	case f.posted, req.consent:
		return showConsent, scopes, fresh, nil
	case req.app.Policy.FirstParty:
		return grantNow, scopes, nil, nil
	case given.Since != 0 && // the user let this app in
		scope.Subset(fresh, given.Refused) && scope.Subset(required, allowed) && // there is nothing new to ask
		(len(allowed) > 0 || len(scopes) == 0) &&
		scope.Subset(req.resources, given.Resources) && // TestConsentRemembersAllOfIt
		!impersonable(req.redirect): // TestConsentOfANativeApp
		return grantNow, allowed, nil, nil
	case req.none:
		return 0, nil, nil, refuse("consent_required", "the user has not consented to this")
	}
	return showConsent, scopes, fresh, nil
}

// signedIn reports whether the login is there and as recent as asked. Whole seconds and ≥, so that
// prompt=login ends.
func (f *situation) signedIn() bool {
	if f.login == nil {
		return false
	}
	at := f.login.Time.Unix()
	return (!f.req.login || at >= f.arrived) && (!f.req.hasMaxAge || at >= f.arrived-f.req.maxAge)
}

// impersonable reports whether another program on the user's device could pose as the app: where its answers go
// is for whoever listens there (RFC 8252, Section 8.6), and a secret that it has, all copies have (Section 8.5).
func impersonable(redirect string) bool {
	return !strings.HasPrefix(redirect, "https://")
}

// narrow is what the user leaves of scopes on the consent page.
func (f *situation) narrow(scopes, kept []string) ([]string, error) {
	if kept == nil {
		return scopes, nil
	}
	allowed := scope.Within(scopes, kept)
	for _, r := range f.req.app.Manifest.RequiredScopes {
		if slices.Contains(scopes, r) && !slices.Contains(allowed, r) {
			return nil, refuse("access_denied", "a scope that the app requires was refused")
		}
	}
	if len(allowed) == 0 && len(scopes) > 0 {
		return nil, refuse("invalid_scope", "nothing of the scope was allowed")
	}
	return allowed, nil
}
