package console

import (
	"net/http"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// installations lists what the visitor's organisation has installed, or was asked to.
func (v *visit) installations() error {
	p, err := v.Platform.Installations(v.ctx, v.caller, v.after(), pageSize)
	if err != nil {
		return err
	}
	page := struct {
		Apps []row
		Next string
	}{Next: p.Next}
	for _, i := range p.Items {
		name, err := v.name(v.ctx, i.App)
		if err != nil {
			return err
		}
		page.Apps = append(page.Apps, row{i.App, name, []standing{standingIn(i)}, i.Updated})
	}
	return v.show(http.StatusOK, "installations.html", view{Title: "Installed apps", Page: page})
}

// installationPage is an app that is installed, or asks to be.
type installationPage struct {
	ID, Publisher, Description string
	Version                    int64
	Standing                   standing
	Halted, Deleted            bool // everywhere
	Updated                    time.Time
	Active                     bool // something is allowed, and may be changed
	Removable                  bool
	Allowed, Requested         []string
	Paused, Suspended, Staff   bool
	Choices                    choices
}

func (v *visit) installation() error { return v.showInstallation(http.StatusOK, nil) }

func (v *visit) showInstallation(status int, all faults) error {
	if !v.caller.May(platform.Installations) {
		return registry.ErrForbidden
	}
	o, err := v.Platform.Offer(v.ctx, v.caller, v.id())
	if err != nil {
		return err
	}
	i := o.Installation
	if i == nil {
		return registry.ErrNotFound
	}
	page := installationPage{
		ID: o.ID, Publisher: o.Publisher, Description: o.Description,
		Version: i.Version, Standing: standingIn(i), Halted: !o.Active, Deleted: o.Deleted, Updated: i.Updated, Active: len(i.Allowed) > 0 && !o.Deleted,
		Allowed: v.allWords(i.Allowed), Requested: v.allWords(i.Requested),
		Paused: i.Paused, Suspended: i.Suspended, Staff: v.caller.May(platform.Review),
	}
	page.Removable = page.Active || o.Deleted && !i.Removed
	chosen := i.Allowed
	if all.of("scopes") != "" {
		chosen = v.chosen(o.Scopes)
	}
	page.Choices = v.scopeChoices("It may", o.Scopes, o.RequiredScopes, chosen)
	page.Choices.Fault = all.of("scopes")
	if !page.Active {
		all = all.whole()
	}
	return v.show(status, "installation.html", view{Title: o.Name, Faults: all, Page: page})
}

// actOnInstallation does what a button of an installation's page says.
func (v *visit) actOnInstallation() error {
	p, id := v.Platform, v.id()
	var what string
	var err error
	switch v.r.PathValue("action") {
	case "allow":
		what = "allowed"
		_, err = p.ApproveInstallation(v.ctx, v.caller, id, nil)
	case "refuse":
		what = "refused"
		_, err = p.RefuseInstallation(v.ctx, v.caller, id)
	case "change":
		what = "changed"
		var o *platform.Offer
		if o, err = p.Offer(v.ctx, v.caller, id); err == nil {
			_, err = p.ApproveInstallation(v.ctx, v.caller, id, v.chosen(o.Scopes))
		}
	case "pause":
		what = "paused"
		_, err = p.HaltInstallation(v.ctx, v.caller, id, true)
	case "resume":
		what = "resumed"
		_, err = p.HaltInstallation(v.ctx, v.caller, id, false)
	case "uninstall":
		if _, err = p.Uninstall(v.ctx, v.caller, id); err == nil {
			return v.done("uninstalled", "installations")
		}
	default:
		return v.nothing()
	}
	if err == nil {
		return v.done(what, "installations", id)
	}
	if all, status := faultsOf(err); status != 0 {
		return v.showInstallation(status, all)
	}
	return err
}
