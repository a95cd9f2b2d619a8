package oauth

import (
	"errors"

	"github.com/oauthcore/oauthcore/internal/scope"
	"github.com/oauthcore/oauthcore/internal/table"
	"github.com/oauthcore/oauthcore/registry"
)

// recordSlack is how long a record outlives its last need, so that no clock decides its meaning.
const recordSlack = 3600

// standing is what the records beside a grant say now of this app for this tenant and subject.
type standing struct {
	app          *registry.App
	foreign      bool                   // the app acts for itself in a tenant that is not its own
	installation *registry.Installation // nil: none is needed
	missing      bool                   // one is needed, and there is none
	consent      table.Row[consent]
	subject      int64 // epoch
}

// standing reads them: {consent, subject's epoch} in one read unless the app acts for itself, and the
// installation.
func (c *call) standing(app *registry.App, tenant, subject string) (st standing, err error) {
	st.app = app
	st.foreign = subject == "" && tenant != "" && tenant != app.Tenant && !app.Policy.FirstParty
	if subject != "" {
		consents, subjects := c.s.consents, c.s.subjects
		rs, err := table.Get(c.ctx, c.s.store, consents.Key(consentID(tenant, subject, app.ID)), subjects.Key(table.Hash(subject)))
		if err != nil {
			return st, err
		}
		if st.consent, err = consents.Decode(rs[0]); err != nil {
			return st, err
		}
		row, err := subjects.Decode(rs[1])
		if err != nil {
			return st, err
		}
		st.subject = row.Value.Epoch
	}
	st.installation, err = c.s.config.Apps.Installation(c.ctx, app, tenant, subject)
	if errors.Is(err, registry.ErrNotFound) {
		st.missing, err = true, nil
	}
	if err != nil {
		return st, unavailable(err)
	}
	return st, nil
}

func (st *standing) epochs() epochs {
	e := epochs{app: st.app.Epoch, consent: st.consent.Value.Epoch, subject: st.subject}
	if st.installation != nil {
		e.installation = st.installation.Epoch
	}
	return e
}

// installed reports whether the app may act in this tenant at all. One that acts for itself may name its
// own tenant and those that installed it: where no user is, nobody else says that it belongs there.
func (st *standing) installed() bool {
	if st.installation == nil {
		return !st.missing && !st.foreign // TestPlatformWhereInstalled, TestTokenErrors
	}
	return st.installation.Active() // TestPlatformEnds
}

// permitted cuts scopes to what the app's manifest, its installation and, if consented, the user's
// remembered consent allow now.
func (st *standing) permitted(scopes []string, consented bool) []string {
	scopes = scope.Within(scopes, st.app.Manifest.Scopes) // TestRefreshWithinTheManifest
	if st.installation != nil {
		scopes = scope.Within(scopes, st.installation.Allowed) // TestScopesNeverExceed
	}
	if consented {
		scopes = scope.Within(scopes, st.consent.Value.Allowed) // TestRefreshWithinTheConsent
	}
	return scopes
}

// audience cuts resources likewise: to those that the user's remembered consent allows now.
func (st *standing) audience(resources []string, consented bool) []string {
	if consented {
		resources = scope.Within(resources, st.consent.Value.Resources) // TestConsentNarrowsResources
	}
	return resources
}
