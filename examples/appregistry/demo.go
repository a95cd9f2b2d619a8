package main

import (
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/registry"
)

// demonstration returns the data of a server that was started without a configuration. Its secrets are
// public: they are printed and stand in README.md.
func demonstration() *config {
	const (
		tenant   = "00000000-0000-0000-0000-000000000001"
		partners = "00000000-0000-0000-0000-000000000002"
		password = "Password123!"
		dev      = "dev@eventzr.com"
		partner  = "partner@eventzr.com"
		loopback = "http://127.0.0.1/callback" // any port will do (RFC 8252, Section 7.3)
	)
	scopes := []string{"read:events", "write:events"}
	machine := []string{"client_credentials"}
	// In the directory, for others to install.
	listed := func(id, name, description string, scopes []string, categories ...string) registry.App {
		return registry.App{
			ID: id, Owner: partner, Tenant: partners, Listed: true, Shared: true,
			Secrets: []registry.Secret{keptSecret(publicSecret(id))},
			Manifest: registry.Manifest{Name: name, Description: description, Categories: categories,
				RedirectURIs: []string{"https://" + id + ".example/callback"}, Scopes: scopes, RequiredScopes: scopes[:1]},
		}
	}
	return &config{
		Demonstration:  true,
		LoginAPI:       true,
		AccessLifetime: time.Hour,
		Scopes: map[string]string{
			"read:events":  "See your events",
			"write:events": "Create and change events",
		},
		Users: []user{
			{Email: dev, Password: password, Name: "Devika Developer", Tenant: tenant, Roles: []string{"developer"}},
			{Email: "admin@eventzr.com", Password: password, Name: "Ada Admin", Tenant: tenant, Roles: []string{"admin"}},
			{Email: "organizer@eventzr.com", Password: password, Name: "Olga Organizer", Tenant: tenant, Roles: []string{"organizer"}},
			{Email: partner, Password: password, Name: "Petra Partner", Tenant: partners, Roles: []string{"developer"}},
		},
		Apps: []registry.App{{
			ID: "demo-cli", Owner: dev, Tenant: tenant,
			Manifest: registry.Manifest{Name: "Demo CLI", Description: "Reads and writes events from a shell.", AuthMethod: "none",
				RedirectURIs: []string{loopback}, Scopes: scopes, RequiredScopes: scopes[:1]},
		}, {
			ID: "demo-job", Secrets: []registry.Secret{keptSecret(publicSecret("demo-job"))},
			Manifest: registry.Manifest{Name: "Nightly job", GrantTypes: machine, Scopes: scopes},
		}, {
			ID: "demo-api", Secrets: []registry.Secret{keptSecret(publicSecret("demo-api"))},
			Manifest: registry.Manifest{Name: "Events API", GrantTypes: machine},
			Policy:   registry.Policy{MayIntrospect: true},
		}},
		Registered: []registry.App{{
			ID: "my-app", Owner: dev, Tenant: tenant,
			Manifest: registry.Manifest{Name: "My App", AuthMethod: "none", RedirectURIs: []string{"https://myapp.com/callback"}, Scopes: scopes},
		}, {
			ID: "demo-web", Owner: dev, Tenant: tenant, Secrets: []registry.Secret{keptSecret(publicSecret("demo-web"))},
			Manifest: registry.Manifest{Name: "Demo Web", RedirectURIs: []string{loopback}, Scopes: scopes},
		}, {
			ID: "my-service", Owner: dev, Tenant: tenant, Secrets: []registry.Secret{keptSecret(publicSecret("my-service"))},
			Manifest: registry.Manifest{Name: "My Service", AuthMethod: "client_secret_post", GrantTypes: machine, Scopes: scopes},
		},
			listed("seat-planner", "Seat Planner", "Draws the hall and gives everyone a seat.", scopes, "seating", "ticketing"),
			listed("badge-printer", "Badge Printer", "Prints badges while the queue moves.", scopes[:1], "check-in"),
			listed("gate-keeper", "Gate Keeper", "Scans tickets at the door.", scopes, "check-in", "ticketing"),
		},
	}
}

// publicSecret is the secret of an app of the demonstration, which README.md tells.
func publicSecret(id string) string { return id + "-secret" }

// withCallback lets the command line app receive its code at uri, should the server not be on 127.0.0.1.
func withCallback(apps registry.Static, uri string) registry.Static {
	if m := &apps[0].Manifest; !m.AllowsRedirect(uri) {
		m.RedirectURIs = append(m.RedirectURIs, uri)
	}
	return apps
}

// lines fills in the addresses of a text for the shell.
func lines(root, text string, more ...string) string {
	oauth := root + "/app-registry/v1/oauth"
	return strings.NewReplacer(append(more, "ROOT", root, "OAUTH", oauth)...).Replace(strings.TrimPrefix(text, "\n"))
}

// linesToTry returns what to type into a shell while the demonstration runs. Commands are indented.
func linesToTry(root string) string {
	return lines(root, `
Open ROOT/console/ in a browser, as one of the people in README.md, or go on from the shell.

Sign in to an app: paste these lines into a shell, open the address they print, sign in as
organizer@eventzr.com with Password123!, allow, and paste the lines that the last page shows.

  verifier=$(openssl rand -base64 60 | tr -d '\n' | tr '+/' '-_')
  challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d '=')
  echo "OAUTH/authorize?response_type=code&client_id=demo-cli&redirect_uri=ROOT/callback&scope=read:events%20write:events&code_challenge=$challenge&code_challenge_method=S256"

An app that acts for itself gets a token and calls the API; the API asks what it is worth; the app
revokes it; the API refuses it.

  token=$(curl -s -u demo-job:demo-job-secret -d grant_type=client_credentials OAUTH/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s -H "Authorization: Bearer $token" ROOT/api/me
  curl -s -u demo-api:demo-api-secret -d token="$token" OAUTH/introspect; echo
  curl -s -u demo-job:demo-job-secret -d token="$token" OAUTH/revoke; echo
  curl -s -i -H "Authorization: Bearer $token" ROOT/api/me

The registry's own API: a developer signs in without a browser, registers an app, once however often the
line is sent, and lists the apps there are. README.md goes on from here.

  token=$(curl -s -H 'Content-Type: application/json' -d '{"email":"dev@eventzr.com","password":"Password123!"}' ROOT/auth/v1/login | sed 's/.*"accessToken":"\([^"]*\)".*/\1/')
  curl -s -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -H 'Idempotency-Key: first-app' -d '{"client_name":"First App","redirect_uris":["https://first.example/callback"],"scopes":["read:events"]}' ROOT/app-registry/v1/apps
  curl -s -H "Authorization: Bearer $token" ROOT/app-registry/v1/apps
`)
}

// linesToSpend returns what to type into the same shell with the code that came back.
func linesToSpend(root, code string) string {
	return lines(root, `
token=$(curl -s -d grant_type=authorization_code -d client_id=demo-cli -d redirect_uri=ROOT/callback -d code=CODE -d code_verifier="$verifier" OAUTH/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -s -H "Authorization: Bearer $token" ROOT/api/me
`, "CODE", code)
}
