package console

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// connection is an app that a user has let in.
type connection struct {
	App, Tenant, Name string
	Own               bool     // in the organisation that the visitor acts for
	May               []string // now
	Kept              []string // from it, though the user has let it
	Why               string
	Refused           []string // by the user
	Since             time.Time
}

// connected lists the apps that the visitor has let in.
func (v *visit) connected() error {
	consents, next, err := v.OAuth.Consents(v.ctx, v.caller.Subject, v.after())
	if refusal, ok := errors.AsType[*oauth.Error](err); ok && refusal.Code == "invalid_request" {
		return registry.ErrNotFound // a cursor that was not given out
	}
	if err != nil {
		return err
	}
	page := struct {
		Apps []connection
		Next string
	}{Next: next}
	for _, c := range consents {
		one, err := v.connection(c)
		if err != nil {
			return err
		}
		page.Apps = append(page.Apps, one)
	}
	return v.show(http.StatusOK, "connected.html", view{Title: "Connected apps", Page: page})
}

// connection says what an app that the visitor has let in may do now: what they consented to, within what the
// app asks for and what the organisation's installation allows, unless something ends it all.
func (v *visit) connection(c oauth.Consent) (connection, error) {
	a, err := v.Apps.App(v.ctx, c.App)
	if errors.Is(err, registry.ErrNotFound) {
		a, err = &registry.App{ID: c.App, Deleted: true}, nil
	}
	if err != nil {
		return connection{}, err
	}
	one := connection{App: c.App, Tenant: c.Tenant, Name: nameOf(a), Own: c.Tenant == v.caller.Tenant, Refused: v.allWords(c.Refused), Since: c.Since}
	i, err := v.Apps.Installation(v.ctx, a, c.Tenant, c.Subject)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return connection{}, err
	}
	var may []string
	switch {
	case a.Deleted:
		one.Why = "The app is no longer there."
	case !a.Active():
		one.Why = "Its developer or the platform has halted the app everywhere."
	case !v.caller.May(platform.Consent) && !a.Policy.FirstParty:
		one.Why = "Your role no longer allows you to let apps in."
	case err != nil:
		one.Why = "The organisation has not installed the app."
	case i != nil && !i.Active():
		one.Why = "The app is halted in the organisation."
	default:
		one.Why = "The organisation does not allow it, or the app no longer asks for it."
		may = within(c.Scopes, a.Manifest.Scopes)
		if i != nil {
			may = within(may, i.Allowed)
		}
	}
	one.May, one.Kept = v.allWords(may), v.allWords(missing(c.Scopes, may))
	return one, nil
}

// disconnect ends what the visitor has let an app do, whether the app is still there or not. What they have
// not let in, perhaps because the form is sent twice, is left as it is.
func (v *visit) disconnect() error {
	app, tenant := v.r.PostForm.Get("app"), v.r.PostForm.Get("tenant")
	for after, more := "", true; more; more = after != "" {
		consents, next, err := v.OAuth.Consents(v.ctx, v.caller.Subject, after)
		if err != nil {
			return err
		}
		after = next
		i := slices.IndexFunc(consents, func(c oauth.Consent) bool { return c.App == app && c.Tenant == tenant })
		if i < 0 {
			continue
		}
		if err := v.OAuth.Disconnect(v.ctx, consents[i]); err != nil {
			return err
		}
		break
	}
	return v.done("disconnected", "connected")
}
