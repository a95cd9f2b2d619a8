package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

const pageSize = 20 // of lists

// after is where the list that is asked for goes on.
func (v *visit) after() string { return v.r.URL.Query().Get("after") }

// row is an app in a list.
type row struct {
	ID, Name string
	Standing []standing
	Updated  time.Time
}

func rows(apps []*registry.App) []row {
	all := make([]row, len(apps))
	for i, a := range apps {
		all[i] = row{a.ID, nameOf(a), standingOf(a), a.Updated}
	}
	return all
}

// apps lists the visitor's own.
func (v *visit) apps() error {
	p, err := v.Platform.OwnApps(v.ctx, v.caller, v.after(), pageSize)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "apps.html", view{Title: "Your apps", Page: struct {
		Apps []row
		Next string
	}{rows(p.Items), p.Next}})
}

// appPage is an app as its developer sees it.
type appPage struct {
	ID       string
	Version  int64
	Standing []standing
	Live     bool
	Paused   bool
	Created  time.Time

	Revision *registry.Revision
	Editable bool   // what is proposed may be changed
	Lines    []line // what is proposed, or else what is live

	KeepsSecret bool
	Rotating    bool
	Secrets     []registry.Secret // usable now
	Usage       []usage
}

// usage is a day of an app's.
type usage struct {
	Day             string
	Served, Refused int64
}

func (v *visit) app() error { return v.showApp(http.StatusOK, nil) }

func (v *visit) showApp(status int, all faults) error {
	a, err := v.Platform.App(v.ctx, v.caller, v.id())
	if err != nil {
		return err
	}
	if a.Owner != v.caller.Subject { // staff see the apps of others where they review them
		http.Redirect(v.w, v.r, v.path("review", a.ID), http.StatusSeeOther)
		return nil
	}
	page := appPage{
		ID: a.ID, Version: a.Version, Standing: standingOf(a), Live: platform.Published(a), Paused: a.Paused, Created: a.Created,
		Revision: a.Revision, Editable: editable(a),
		KeepsSecret: platform.KeepsSecret(proposed(a)),
	}
	page.Lines = v.linesOf(a)
	now := time.Now()
	for _, s := range a.Secrets {
		if s.NotAfter.IsZero() || now.Before(s.NotAfter) {
			page.Secrets = append(page.Secrets, s)
		}
	}
	page.Rotating = len(page.Secrets) > 1
	if page.Live {
		days, err := v.Platform.UsageOf(v.ctx, v.caller, a.ID)
		if err != nil {
			return err
		}
		page.Usage = usageOf(days)
	}
	return v.show(status, "app.html", view{Title: nameOf(a), Faults: all, Page: struct {
		appPage
		Once string
	}{page, newOnce()}})
}

// usageOf adds up the days of an app.
func usageOf(days []platform.Usage) (all []usage) {
	for _, d := range days {
		u := usage{Day: d.Day}
		for kind, n := range d.Counts {
			if strings.HasSuffix(kind, " ok") {
				u.Served += n
			} else {
				u.Refused += n
			}
		}
		all = append(all, u)
	}
	return all
}

// proposed is what is proposed, or else what is live.
func proposed(a *registry.App) *registry.Manifest {
	if a.Revision != nil {
		return &a.Revision.Manifest
	}
	return &a.Manifest
}

// linesOf says what is proposed, beside what is live, or what there is of the two.
func (c *Console) linesOf(a *registry.App) []line {
	switch live := platform.Published(a); {
	case a.Revision != nil && live:
		return c.compare(&a.Revision.Manifest, &a.Manifest)
	case a.Revision != nil || live:
		return c.compare(proposed(a), nil)
	}
	return nil
}

// editable reports whether a new draft may take the place of what is proposed.
func editable(a *registry.App) bool {
	return a.Revision == nil || a.Revision.State == registry.Draft || a.Revision.State == registry.Rejected
}

// editApp shows the form of an app.
func (v *visit) editApp() error {
	a, err := v.Platform.App(v.ctx, v.caller, v.id())
	if err != nil {
		return err
	}
	if !editable(a) {
		return registry.ErrState
	}
	return v.showForm(http.StatusOK, a, *proposed(a), nil)
}

func (v *visit) showForm(status int, a *registry.App, m registry.Manifest, all faults) error {
	return v.show(status, "app-form.html", view{Title: "Change " + nameOf(a), Faults: all, Page: struct {
		manifestForm
		ID, Once string
		Version  int64
	}{v.formOf(m, all), a.ID, "", a.Version}})
}

// propose makes what the form says the draft.
func (v *visit) propose() error {
	_, err := v.Platform.Propose(v.ctx, v.caller, v.id(), func(m registry.Manifest) (registry.Manifest, error) {
		m = v.readManifest(m)
		return m, checkForm(m)
	})
	if err == nil {
		return v.done("saved", "apps", v.id())
	}
	all, status := faultsOf(err)
	if status == 0 {
		return err
	}
	a, failed := v.Platform.App(v.ctx, v.caller, v.id())
	if failed != nil {
		return failed
	}
	return v.showForm(status, a, v.readManifest(*proposed(a)), all)
}

// actOnApp does what a button of an app's page says.
func (v *visit) actOnApp() error {
	p, id := v.Platform, v.id()
	var what string
	var err error
	switch v.r.PathValue("action") {
	case "submit":
		what = "submitted"
		_, err = p.Submit(v.ctx, v.caller, id)
	case "withdraw":
		what = "withdrawn"
		_, err = p.Withdraw(v.ctx, v.caller, id)
	case "pause":
		what = "paused"
		_, err = p.Pause(v.ctx, v.caller, id, true)
	case "resume":
		what = "resumed"
		_, err = p.Pause(v.ctx, v.caller, id, false)
	case "complete":
		what = "completed"
		_, err = p.EndRotation(v.ctx, v.caller, id, true)
	case "cancel":
		what = "cancelled"
		_, err = p.EndRotation(v.ctx, v.caller, id, false)
	case "delete":
		if _, err = p.DeleteApp(v.ctx, v.caller, id); err == nil {
			return v.done("deleted", "apps")
		}
	default:
		return v.nothing()
	}
	if err == nil {
		return v.done(what, "apps", id)
	}
	if all, status := faultsOf(err); status != 0 {
		return v.showApp(status, all)
	}
	return err
}
