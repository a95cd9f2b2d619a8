package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
)

// The one app. A service has many, which developers register: see examples/appregistry.
const clientID, clientSecret = "nightly-backup", "correct-horse-battery-staple"

const linesToTry = `Listening on %[1]s

  curl -u %[2]s:%[3]s %[1]s/token -d grant_type=client_credentials
  curl -u %[2]s:%[3]s %[1]s/introspect -d token=...
  curl -u %[2]s:%[3]s %[1]s/revoke -d token=...

A revoked token stays revoked when the server is started again with the same store and secrets.
`

// newServer returns a server that gives the app tokens of its own (RFC 6749, Section 4.4). They are opaque:
// an API asks about each, and so learns of a revocation at once.
func newServer(issuer string, records store.Store, s secrets) (*oauth.Server, error) {
	hash := sha256.Sum256([]byte(clientSecret))
	return oauth.New(oauth.Config{
		Issuer: issuer, Store: records, Keys: s.keys, Secrets: s.ring,
		Resources: []string{issuer + "/api"},
		Apps: registry.Static{{
			ID:       clientID,
			Manifest: registry.Manifest{Name: "Nightly backup", GrantTypes: []string{"client_credentials"}, Scopes: []string{"backup"}},
			Policy:   registry.Policy{Opaque: true},
			Secrets:  []registry.Secret{{ID: "1", Hash: hash[:]}},
		}},
	})
}

// sweep drops expired records once a minute until ctx ends. Any number of servers may sweep one store. One
// on Redis needs it too: the engine drops the records, but not the entries of their labels.
func sweep(ctx context.Context, s store.Store, log io.Writer) {
	const page = 1000
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for n := page; n == page; { // as many as asked for: there are more
				var err error
				if n, err = s.Sweep(ctx, now.Unix(), page); err != nil {
					fmt.Fprintln(log, "sweep:", err)
					break // the next round makes up for it
				}
			}
		}
	}
}
