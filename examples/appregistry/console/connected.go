package console

import (
	"errors"
	"net/http"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
)

// connection is an app that a user has let in.
type connection struct {
	App, Tenant, Name string
	Own               bool // in the organisation that the visitor acts for
	May, Refused      []string
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
		name, err := v.name(v.ctx, c.App)
		if err != nil {
			return err
		}
		page.Apps = append(page.Apps, connection{
			App: c.App, Tenant: c.Tenant, Name: name, Own: c.Tenant == v.caller.Tenant,
			May: v.allWords(c.Scopes), Refused: v.allWords(c.Refused), Since: c.Since,
		})
	}
	return v.show(http.StatusOK, "connected.html", view{Title: "Connected apps", Page: page})
}

// disconnect ends what the visitor has let an app do. Sent twice it does nothing more.
func (v *visit) disconnect() error {
	app := v.r.PostForm.Get("app")
	if _, err := v.Apps.App(v.ctx, app); err != nil {
		return err
	}
	err := v.OAuth.Disconnect(v.ctx, oauth.Consent{Subject: v.caller.Subject, Tenant: v.r.PostForm.Get("tenant"), App: app})
	if err != nil {
		return err
	}
	return v.done("disconnected", "connected")
}
