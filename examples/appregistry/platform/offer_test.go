package platform_test

import (
	"errors"
	"testing"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
)

// An app shows to its own organisation once it is live, to others once it is shared, and to those who have
// installed it for as long as they have.
func TestOffer(t *testing.T) {
	t.Parallel()
	p, _ := fresh(t, nil)
	ctx := t.Context()
	maker := platform.Caller{Subject: "maker", Tenant: "one", Roles: []string{"developer"}}
	staff := platform.Caller{Subject: "staff", Tenant: "zero", Roles: []string{"admin"}}
	colleague := platform.Caller{Subject: "colleague", Tenant: "one", Roles: []string{"user"}}
	buyer := platform.Caller{Subject: "buyer", Tenant: "two", Roles: []string{"organizer"}}
	stranger := platform.Caller{Subject: "stranger", Tenant: "two"}

	a, _, err := p.CreateApp(ctx, maker, registry.Manifest{Name: "App", RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	sees := func(when string, c platform.Caller, want error) *platform.Offer {
		t.Helper()
		o, err := p.Offer(ctx, c, a.ID)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Fatalf("%s: Offer to %s: got %v, wanted %v", when, c.Subject, err, want)
		}
		return o
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sees("as a draft", colleague, registry.ErrNotFound)
	must(p.Submit(ctx, maker, a.ID))
	must(p.Judge(ctx, staff, a.ID, true, ""))
	must(p.Publish(ctx, staff, a.ID, new(bool), new(bool)))
	if o := sees("live", colleague, nil); !o.Own || o.Name != "App" || o.Installation != nil {
		t.Errorf("to its own organisation: got %+v", o)
	}
	sees("live and not shared", buyer, registry.ErrNotFound)
	must(p.Propose(ctx, maker, a.ID, func(m registry.Manifest) (registry.Manifest, error) { return m, nil }))
	must(p.Submit(ctx, maker, a.ID))
	must(p.Judge(ctx, staff, a.ID, true, ""))
	must(p.Publish(ctx, staff, a.ID, nil, nil))
	sees("published again without a word", buyer, registry.ErrNotFound)
	must(p.Propose(ctx, maker, a.ID, func(m registry.Manifest) (registry.Manifest, error) { return m, nil }))
	must(p.Submit(ctx, maker, a.ID))
	must(p.Judge(ctx, staff, a.ID, true, ""))
	shared := true
	must(p.Publish(ctx, staff, a.ID, nil, &shared))
	if o := sees("shared", buyer, nil); o.Own || !o.Active || o.Installation != nil {
		t.Errorf("to another organisation: got %+v", o)
	}
	sees("shared", stranger, registry.ErrForbidden)
	must(p.ApproveInstallation(ctx, buyer, a.ID, []string{"read"}))
	neighbour := platform.Caller{Subject: "neighbour", Tenant: "two", Roles: []string{"user"}}
	if o := sees("installed", neighbour, nil); o.Installation != nil {
		t.Errorf("to a colleague of who has installed it: got the installation, which is not theirs to see")
	}
	must(p.Suspend(ctx, staff, a.ID, true))
	if o := sees("suspended", buyer, nil); o.Active || o.Installation == nil || len(o.Installation.Allowed) != 1 {
		t.Errorf("to who has installed it, suspended: got %+v", o)
	}
	sees("suspended", colleague, registry.ErrNotFound)
	must(p.DeleteApp(ctx, maker, a.ID))
	if o := sees("deleted", buyer, nil); !o.Deleted || o.Active || o.Installation == nil {
		t.Errorf("to who has installed it, deleted: got %+v", o)
	}
	must(p.Uninstall(ctx, buyer, a.ID))
	sees("deleted and uninstalled", buyer, registry.ErrNotFound)
}
