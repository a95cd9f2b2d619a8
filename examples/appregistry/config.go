package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/oauthcore/oauthcore/registry"
)

// config is what the program serves. README.md describes the file it is read from.
type config struct {
	Issuer    string
	Users     []user
	Apps      []registry.App
	Scopes    map[string]string // scope to what it means in words
	Resources []string

	LoopbackResources bool          // any loopback URL is a resource
	RefreshGrace      time.Duration // as oauth.Config has it: zero is the default, negative is strict
	AccessLifetime    time.Duration // zero: the library's
	Keys              []string      // algorithms, the first signs; nil: RS256
	LoginAPI          bool
	InsecureWebhooks  bool // webhooks may lead to http URLs and private addresses

	Demonstration bool           // print the lines to try, and show codes at /callback
	Registered    []registry.App // that are put into the registry
}

// user is a user as the configuration declares one.
type user struct {
	Email    string // in lower case: the subject
	Password string // in plain, or its argon2id hash
	Name     string
	Tenant   string
	Tenants  []string // more of them
	Roles    []string
}

// parseConfig reads a configuration file. The error names every fault with its path in the document.
func parseConfig(data []byte) (*config, error) {
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, fmt.Errorf("line %d: %w", 1+bytes.Count(data[:syntax.Offset], []byte("\n")), err)
		}
		return nil, err
	}
	var f faults
	o, ok := newObject(&f, "", raw)
	if !ok {
		return nil, f.err()
	}
	c := &config{
		Issuer:            o.str("issuer"),
		Scopes:            make(map[string]string),
		Resources:         o.strs("resources"),
		LoopbackResources: o.boolean("allow_loopback_resources", false),
		AccessLifetime:    lifetime(o, "access_lifetime"),
		Keys:              o.strs("keys"),
		LoginAPI:          true,
	}
	if grace, ok := o.duration("refresh_grace"); ok {
		c.RefreshGrace = grace
		if grace == 0 {
			c.RefreshGrace = -1
		}
	}
	for i, alg := range c.Keys {
		if generators[alg] == nil {
			f.add(fmt.Sprintf("keys[%d]", i), "got %q, wanted one of %s", alg, strings.Join(slices.Sorted(maps.Keys(generators)), ", "))
		}
	}
	o.list("users", func(path string, raw json.RawMessage) { c.Users = append(c.Users, parseUser(&f, path, raw)) })
	o.list("apps", func(path string, raw json.RawMessage) { c.Apps = append(c.Apps, parseApp(&f, path, raw)) })
	if raw := o.take("scopes"); raw != nil {
		if words, ok := newObject(&f, "scopes", raw); ok {
			for _, name := range words.names {
				c.Scopes[name] = words.str(name)
			}
		}
	}
	if raw := o.take("features"); raw != nil {
		if switches, ok := newObject(&f, "features", raw); ok {
			c.LoginAPI = switches.boolean("login_api", true)
			switches.done()
		}
	}
	o.done()
	c.checkNames(&f)
	if err := f.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// checkNames finds users and apps that could be taken for one another. An app that acts for itself is
// the subject of its tokens, so no user may have its name (RFC 9068, Section 5).
func (c *config) checkNames(f *faults) {
	taken := make(map[string]string)
	name := func(path, s string) {
		if other, ok := taken[s]; ok && s != "" {
			f.add(path, "got %q, which %s is too", s, other)
		}
		taken[s] = path
	}
	for i, u := range c.Users {
		name(fmt.Sprintf("users[%d].email", i), u.Email)
	}
	for i, a := range c.Apps {
		name(fmt.Sprintf("apps[%d].id", i), a.ID)
	}
	if declared := slices.ContainsFunc(c.Apps, func(a registry.App) bool { return a.ID == console }); c.LoginAPI && !declared {
		name("features.login_api", console)
	}
}

func parseUser(f *faults, path string, raw json.RawMessage) user {
	o, ok := newObject(f, path, raw)
	if !ok {
		return user{}
	}
	u := user{
		Email:    strings.ToLower(o.str("email")),
		Password: o.str("password"),
		Name:     o.str("name"),
		Tenant:   o.str("tenant"),
		Tenants:  o.strs("tenants"),
		Roles:    o.strs("roles"),
	}
	require(o, "email", "password")
	o.done()
	return u
}

func parseApp(f *faults, path string, raw json.RawMessage) registry.App {
	o, ok := newObject(f, path, raw)
	if !ok {
		return registry.App{}
	}
	a := registry.App{
		ID: o.str("id"),
		Manifest: registry.Manifest{
			Name:         o.str("name"),
			RedirectURIs: o.strs("redirect_uris"),
			GrantTypes:   o.strs("grant_types"),
			AuthMethod:   o.str("auth_method"),
			JWKS:         o.take("jwks"),
			Scopes:       o.strs("scopes"),
		},
		Policy: registry.Policy{
			Resources:       o.strs("resources"),
			Opaque:          o.boolean("opaque", false),
			AccessLifetime:  lifetime(o, "access_lifetime"),
			RefreshLifetime: lifetime(o, "refresh_lifetime"),
			MayIntrospect:   o.boolean("may_introspect", false),
			FirstParty:      o.boolean("first_party", false),
		},
	}
	secret := o.str("secret")
	require(o, "id")
	if a.Manifest.Name == "" {
		a.Manifest.Name = a.ID
	}
	switch a.Manifest.AuthMethod {
	case "", "client_secret_basic", "client_secret_post":
		if secret == "" {
			f.add(o.path+"secret", "missing; an app without one says \"auth_method\": \"none\"")
		}
		a.Secrets = []registry.Secret{keptSecret(secret)}
	default:
		if secret != "" {
			f.add(o.path+"secret", "an app with auth_method %q has none", a.Manifest.AuthMethod)
		}
	}
	o.done()
	return a
}

// require reports the members that are absent or empty.
func require(o *object, names ...string) {
	for _, name := range names {
		if raw := o.members[name]; raw == nil || string(raw) == `""` {
			o.faults.add(o.path+name, "missing")
		}
	}
}

// lifetime reads a duration of which zero is a mistake.
func lifetime(o *object, name string) time.Duration {
	d, ok := o.duration(name)
	if ok && d == 0 {
		o.faults.add(o.path+name, "got zero, wanted a lifetime")
	}
	return d
}

// keptSecret is a configured client secret as the registry keeps it.
func keptSecret(plain string) registry.Secret {
	sum := sha256.Sum256([]byte(plain))
	return registry.Secret{ID: "configured", Hash: sum[:]}
}
