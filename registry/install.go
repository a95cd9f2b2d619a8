package registry

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"

	"github.com/oauthcore/oauthcore/internal/table"
)

// Installation returns the installation that rules here: the tenant's if it is halted, else the subject's
// own, else the tenant's, else nil if the app needs none, else [ErrNotFound]. One rules from its first Allow
// until it is removed; a halted one rules too, so ask [Installation.Active]. A subject's own may allow what
// the tenant's does not. An app needs none where there is no tenant, in its own tenant, and if it is first
// party. It is one read of at most two records.
func (r *Registry) Installation(ctx context.Context, app *App, tenant, subject string) (*Installation, error) {
	if tenant == "" {
		return nil, nil
	}
	keys := []string{r.installations.Key(table.Hash(app.ID, tenant, ""))}
	if subject != "" {
		keys = append(keys, r.installations.Key(table.Hash(app.ID, tenant, subject)))
	}
	records, err := table.Get(ctx, r.store, keys...)
	if err != nil {
		return nil, wrap(err)
	}
	var ruling *Installation
	for _, rec := range records {
		row, err := r.installations.Decode(rec)
		if err != nil {
			return nil, wrap(err)
		}
		halted := ruling != nil && (ruling.Suspended || ruling.Paused) // no subject lifts what halts the tenant, TestRegistryInstallation
		if row.Version != 0 && row.Value.rules() && !halted {
			ruling = installation(&row)
		}
	}
	if ruling != nil {
		return ruling, nil
	}
	if app.Tenant == tenant || app.Policy.FirstParty {
		return nil, nil
	}
	return nil, ErrNotFound
}

// installation returns the Installation in row, with its version.
func installation(row *table.Row[Installation]) *Installation {
	i := row.Value
	i.Version = row.Version
	return &i
}

// Install creates or changes the installation of an app in a tenant, or for one subject of it, as one
// atomic write, and returns it as it then is. Change has the app to look at, and is called again as that
// of [Registry.Update]. [ErrNotFound] if there is no such app.
func (r *Registry) Install(ctx context.Context, app, tenant, subject string, change func(*App, *Installation) error) (*Installation, error) {
	if tenant == "" {
		return nil, errors.New("registry: got no tenant, wanted the one to install the app in")
	}
	a, err := r.App(ctx, app)
	if err != nil {
		return nil, err
	}
	now := r.now()
	row, err := r.installations.Update(ctx, table.Hash(app, tenant, subject), now.Unix(), func(row *table.Row[Installation]) error {
		if row.Version == 0 {
			row.Labels = []string{installedLabel(tenant, subject)}
			row.Value = Installation{App: app, Tenant: tenant, Subject: subject, Epoch: newEpoch()}
		}
		before := installation(row)
		after := *before
		if err := change(a, &after); err != nil {
			return changeError{err}
		}
		if err := after.check(before); err != nil {
			return changeError{err}
		}
		after.Updated = now
		row.Value = after
		return nil
	})
	if err != nil {
		return nil, wrap(err)
	}
	return installation(&row), nil
}

// check returns every fault of i as it is about to be stored, where before is.
func (i *Installation) check(before *Installation) error {
	var f faults
	if i.App != before.App || i.Tenant != before.Tenant || i.Subject != before.Subject || i.Epoch < before.Epoch {
		f.add("Installation", errors.New("its App, Tenant and Subject do not change, and its Epoch only grows"))
	}
	f.add("Requested", checkScopes(i.Requested))
	f.add("Allowed", checkScopes(i.Allowed))
	return f.join("registry: ")
}

// newEpoch draws the first epoch of an installation, from 1 to 2^52: see the package's Design.
func newEpoch() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>12) + 1
}

func installedLabel(tenant, subject string) string { return "i/" + table.Hash(tenant, subject) }

// Installations returns a page of what a tenant has installed as a whole, or, with a subject, of what that
// subject has, with what they were asked and what is halted, and the cursor of the next, "" at the end. A
// page has at most 50, and may be short, even empty, before the end. Removed ones are left out unless they
// are asked again.
func (r *Registry) Installations(ctx context.Context, tenant, subject, after string) (installed []*Installation, next string, err error) {
	rows, next, err := r.installations.List(ctx, installedLabel(tenant, subject), after, 50)
	if err != nil {
		return nil, "", wrap(err)
	}
	for n := range rows {
		if i := installation(&rows[n]); !i.Removed || len(i.Requested) > 0 {
			installed = append(installed, i)
		}
	}
	return installed, next, nil
}
