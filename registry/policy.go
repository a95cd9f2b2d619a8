package registry

import (
	"errors"
	"fmt"
	"time"
)

const maxResources = 32

// Policy is what the platform decides about an app and its developer cannot. The zero Policy gives an app
// what every app has.
type Policy struct {
	Resources       []string      `json:"resources,omitempty"`       // resource indicators (RFC 8707) it may ask for; none: all of the server's
	Opaque          bool          `json:"opaque,omitzero"`           // access tokens are opaque instead of JWT
	AccessLifetime  time.Duration `json:"access_lifetime,omitzero"`  // zero: the server's; else 1 s to 24 hours
	RefreshLifetime time.Duration `json:"refresh_lifetime,omitzero"` // zero: the server's
	MayIntrospect   bool          `json:"may_introspect,omitzero"`   // may introspect tokens of other apps for Resources, as an API does
	FirstParty      bool          `json:"first_party,omitzero"`      // signs in without a consent page, on a loopback redirect too, and needs no installation; who withdraws it calls EndGrants

	// InsecureNoPKCE lets a confidential app leave PKCE out. A code that is stolen and injected into a
	// session of the app is then not noticed (RFC 9700, Section 2.1.1).
	InsecureNoPKCE bool `json:"insecure_no_pkce,omitzero"`

	// InsecureRefreshForClientCredentials gives a refresh token where RFC 6749, Section 4.4.3, advises
	// against: one more long-lived credential beside the secret, of an app that needs none.
	InsecureRefreshForClientCredentials bool `json:"insecure_refresh_for_client_credentials,omitzero"`
}

// faults returns what is wrong with p as the policy of an app with manifest m.
func (p *Policy) faults(m *Manifest) (f faults) {
	if len(p.Resources) > maxResources {
		f.add("Policy.Resources", fmt.Errorf("got %d, wanted at most %d", len(p.Resources), maxResources))
	}
	for _, r := range p.Resources {
		if err := checkAbsolute(r); err != nil {
			f.add("Policy.Resources", fmt.Errorf("%.100q %w", r, err))
		}
	}
	lifetime := func(name string, d, most time.Duration) {
		if d != 0 && (d < time.Second || d > most) {
			f.add(name, fmt.Errorf("got %v, wanted 0 or from 1s to %v", d, most))
		}
	}
	lifetime("Policy.AccessLifetime", p.AccessLifetime, 24*time.Hour)
	lifetime("Policy.RefreshLifetime", p.RefreshLifetime, 10*366*24*time.Hour)
	if p.InsecureNoPKCE && m.Public() {
		f.add("Policy.InsecureNoPKCE", errors.New("is for confidential apps, and this one is public"))
	}
	return f
}
