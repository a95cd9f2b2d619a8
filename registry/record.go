package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/oauthcore/oauthcore/internal/table"
)

// appRecord is an App as it is stored: with the hashes of its secrets.
type appRecord struct {
	App
	Secrets []secretRecord `json:"secrets,omitempty"` // in place of App.Secrets
}

type secretRecord struct {
	Secret
	Hash []byte `json:"hash"`
}

// maxRecord is the JSON of a record: a store takes 64 KiB, and unknown members need room.
const maxRecord = 60 << 10

func newAppRecord(a *App) appRecord {
	r := appRecord{App: *a}
	for _, s := range a.Secrets {
		r.Secrets = append(r.Secrets, secretRecord{s, s.Hash})
	}
	r.App.Secrets = nil
	return r
}

// copyOf returns the App in row as a copy that shares nothing with it.
func copyOf(row *table.Row[appRecord]) (*App, error) {
	b, err := json.Marshal(&row.Value)
	if err != nil {
		return nil, err
	}
	var r appRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, err
	}
	return r.app(row.Version), nil
}

// app returns the App in r, with what r holds.
func (r *appRecord) app(version int64) *App {
	a := r.App
	a.Version = version
	for _, s := range r.Secrets {
		s.Secret.Hash = s.Hash
		a.Secrets = append(a.Secrets, s.Secret)
	}
	return &a
}

// check returns every fault of a as it is about to be stored. What is as it was in before, nil for a new
// app, is not judged again: an app that met the rules of its day can still be suspended.
func (a *App) check(before *App, now time.Time) error {
	var f faults
	f.add("ID", checkID(a.ID))
	if before == nil {
		before = &App{ID: a.ID, Owner: a.Owner, Tenant: a.Tenant, Created: a.Created}
	}
	if a.ID != before.ID || a.Owner != before.Owner || a.Tenant != before.Tenant || !a.Created.Equal(before.Created) {
		f.add("App", errors.New("its ID, Owner, Tenant and Created do not change"))
	}
	if a.Epoch < before.Epoch { // TestRegistryUpdate
		f.add("Epoch", fmt.Errorf("got %d, wanted at least %d", a.Epoch, before.Epoch))
	}
	if before.Deleted && !a.Deleted { // TestRegistryUpdate
		f.add("Deleted", errors.New("is for ever"))
	}
	manifest := !reflect.DeepEqual(a.Manifest, before.Manifest)
	if manifest && !a.Manifest.empty() {
		f = append(f, a.Manifest.faults()...)
	}
	if manifest || !reflect.DeepEqual(a.Policy, before.Policy) {
		f = append(f, a.Policy.faults(&a.Manifest)...)
	}
	if !reflect.DeepEqual(a.Secrets, before.Secrets) {
		f = append(f, secretFaults(a.Secrets, now)...)
	}
	if a.Revision != nil && !reflect.DeepEqual(a.Revision, before.Revision) {
		f = append(f, a.Revision.faults()...)
	}
	r := newAppRecord(a)
	if b, err := json.Marshal(&r); err != nil || len(b) > maxRecord {
		f.add("App", fmt.Errorf("got %d bytes as JSON, wanted at most %d", len(b), maxRecord))
	}
	return f.join("registry: ")
}
