package platform_test

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/oauthcore/oauthcore/examples/appregistry/platform"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/memory"
)

// An app from its first draft to its installation. A front end makes the callers of who is signed in.
func Example() {
	ctx, st := context.Background(), memory.New()
	reg, _ := registry.New(registry.Config{Store: store.Namespace(st, "oauth/")})
	secret := make([]byte, 32)
	rand.Read(secret)
	vault, _ := platform.NewVault([][]byte{secret})
	p, err := platform.New(platform.Config{Store: store.Namespace(st, "platform/"), Registry: reg, Vault: vault,
		Scopes: map[string]string{"read:events": "See your events"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	dev := platform.Caller{Subject: "dev", Tenant: "t1", Roles: []string{"developer"}}
	admin := platform.Caller{Subject: "ada", Tenant: "t1", Roles: []string{"admin"}}
	olga := platform.Caller{Subject: "olga", Tenant: "t2", Roles: []string{"organizer"}}

	app, shownOnce, err := p.CreateApp(ctx, dev, registry.Manifest{Name: "Seats", Categories: []string{"seating"},
		RedirectURIs: []string{"https://seats.example/cb"}, Scopes: []string{"read:events"}})
	fmt.Println(app.Revision.State, len(shownOnce), err)
	_, err = p.Submit(ctx, dev, app.ID)
	fmt.Println(err)
	_, err = p.Judge(ctx, dev, app.ID, true, "")
	fmt.Println("by its developer:", err)
	p.Judge(ctx, admin, app.ID, true, "")
	p.Publish(ctx, admin, app.ID, nil, nil)
	found, _ := p.Search(ctx, olga, "seats", "", "", 20)
	fmt.Println(found.Items[0].Name)
	installed, err := p.ApproveInstallation(ctx, olga, app.ID, []string{"read:events"})
	fmt.Println(installed.Allowed, err)
	// Output:
	// draft 47 <nil>
	// <nil>
	// by its developer: registry: not allowed: wanted one of the roles ["admin" "super_admin"]
	// Seats
	// [read:events] <nil>
}
