// Package oauthcore is the map of an embeddable OAuth 2.1 and JWT core: a library for services that
// already have users, a login page, a database and a router. It does what lies between an HTTP request
// and that database. This package holds nothing; import the ones below.
//
//   - [github.com/oauthcore/oauthcore/oauth] is the authorization server, an http.Handler: endpoints,
//     client authentication, consent, tokens.
//   - [github.com/oauthcore/oauthcore/oauth/profile] has the dialects of other servers, for hosts that
//     replace one.
//   - [github.com/oauthcore/oauthcore/oauth/resource] is the other side: it guards an API that accepts
//     the tokens, and does not link a server.
//   - [github.com/oauthcore/oauthcore/token] holds signing keys, and signs and verifies JWT access
//     tokens (RFC 9068).
//   - [github.com/oauthcore/oauthcore/pkce] makes and checks PKCE values (RFC 7636).
//   - [github.com/oauthcore/oauthcore/registry] keeps apps, their review and their installations; a
//     program with a fixed set of clients uses its Static.
//   - [github.com/oauthcore/oauthcore/store] is the contract of five methods that a database must keep,
//     and [github.com/oauthcore/oauthcore/store/memory] the embedded store that keeps it. The modules
//     store/sqlstore and store/redisstore keep it on databases.
//   - [github.com/oauthcore/oauthcore/storetest] tells the author of a store whether it is right, and
//     [github.com/oauthcore/oauthcore/oauth/oauthtest] whether a whole server is, on that store.
//
// # Design
//
// Imports run one way. pkce, token and store are the ground floor and know none of the others; registry
// and storetest stand on store; oauth stands on all of these; resource stands on token alone, so that an
// API does not carry a server. One package for everything was rejected for that reason, and so were
// modules per package: the root has two dependencies, and one version says what fits together. What needs a
// driver is a module of its own beside it.
//
// Packages are pure: no global state, no init, no goroutine that the caller did not ask for, no
// environment, no clock but a Now in the configuration, no logger but the one given. What weakens security
// is a field whose name begins with Insecure. The tests of internal/house hold these rules.
package oauthcore
