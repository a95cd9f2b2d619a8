package api

import (
	"time"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// appJSON is an app as its owner and staff see it.
type appJSON struct {
	ID        string             `json:"client_id"`
	Secret    string             `json:"client_secret,omitzero"` // where it was made, this once
	Status    string             `json:"status"`
	Owner     string             `json:"owner"`
	Tenant    string             `json:"tenant_id"`
	Manifest  *registry.Manifest `json:"manifest"` // the live one, null before the first is published
	Revision  *revisionJSON      `json:"revision"` // what is proposed, null if nothing is
	Secrets   []registry.Secret  `json:"secrets"`
	Listed    bool               `json:"listed"`
	Shared    bool               `json:"shared"`
	Suspended bool               `json:"suspended"`
	Paused    bool               `json:"paused"`
	Created   time.Time          `json:"created_at"`
	Updated   time.Time          `json:"updated_at"`
}

type revisionJSON struct {
	State    registry.State    `json:"state"`
	Author   string            `json:"author"`
	Reviewer string            `json:"reviewer"`
	Note     string            `json:"note"`
	Manifest registry.Manifest `json:"manifest"`
}

func appOf(a *registry.App) appJSON {
	w := appJSON{
		ID: a.ID, Status: statusOf(a), Owner: a.Owner, Tenant: a.Tenant, Secrets: a.Secrets,
		Listed: a.Listed, Shared: a.Shared, Suspended: a.Suspended, Paused: a.Paused,
		Created: a.Created, Updated: a.Updated,
	}
	if platform.Published(a) {
		w.Manifest = &a.Manifest
	}
	if r := a.Revision; r != nil {
		w.Revision = &revisionJSON{r.State, r.Author, r.Reviewer, r.Note, r.Manifest}
	}
	if w.Secrets == nil {
		w.Secrets = []registry.Secret{}
	}
	return w
}

// statusOf says in one word where an app stands.
func statusOf(a *registry.App) string {
	switch {
	case a.Deleted:
		return "deleted"
	case a.Suspended:
		return "suspended"
	case a.Paused:
		return "paused"
	case platform.Published(a):
		return "published"
	case a.Revision != nil:
		return string(a.Revision.State)
	}
	return "draft"
}

// appReply says an app, with its new secret if it has one.
func appReply(a *registry.App, secret string, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	w := appOf(a)
	w.Secret = secret
	return &reply{data: w, version: a.Version}, nil
}

// installationJSON is an installation.
type installationJSON struct {
	App       string    `json:"client_id"`
	Tenant    string    `json:"tenant_id"`
	Status    string    `json:"status"`
	Requested []string  `json:"requested"`
	Allowed   []string  `json:"allowed"`
	Refused   []string  `json:"refused"`
	Suspended bool      `json:"suspended"`
	Paused    bool      `json:"paused"`
	Updated   time.Time `json:"updated_at"`
}

func installationOf(i *registry.Installation) installationJSON {
	w := installationJSON{
		App: i.App, Tenant: i.Tenant, Requested: list(i.Requested), Allowed: list(i.Allowed), Refused: list(i.Refused),
		Suspended: i.Suspended, Paused: i.Paused, Updated: i.Updated,
	}
	switch {
	case i.Suspended:
		w.Status = "suspended"
	case i.Paused:
		w.Status = "paused"
	case len(i.Allowed) > 0:
		w.Status = "active"
	case len(i.Requested) > 0:
		w.Status = "requested"
	default:
		w.Status = "removed"
	}
	return w
}

func installationReply(i *registry.Installation, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	return &reply{data: installationOf(i), version: i.Version}, nil
}

// webhookJSON is an endpoint of an app.
type webhookJSON struct {
	ID          string                   `json:"id"`
	Secret      string                   `json:"signing_secret,omitzero"` // where it was made, this once
	URL         string                   `json:"url"`
	Description string                   `json:"description"`
	Secrets     []platform.SigningSecret `json:"secrets"`
	Created     time.Time                `json:"created_at"`
}

func webhookOf(w *platform.Webhook) webhookJSON {
	secrets := w.Secrets
	if secrets == nil {
		secrets = []platform.SigningSecret{}
	}
	return webhookJSON{ID: w.ID, URL: w.URL, Description: w.Description, Secrets: secrets, Created: w.Created}
}

func webhookReply(w *platform.Webhook, secret string, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	data := webhookOf(w)
	data.Secret = secret
	return &reply{data: data, version: w.Version}, nil
}

// listingOf is the identity on what the directory says, with lists for none.
func listingOf(l platform.Listing) platform.Listing {
	l.Categories, l.Scopes, l.RequiredScopes = list(l.Categories), list(l.Scopes), list(l.RequiredScopes)
	return l
}

// list is all, as JSON a list even if there is nothing in it.
func list(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}
