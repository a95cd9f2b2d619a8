// Package oauthtest is the protocol as a test suite: it drives a whole [oauth.Server] over a store and sees
// who ends up with access.
//
//	func TestProtocol(t *testing.T) {
//		oauthtest.Run(t, func(t testing.TB) store.Store { return mystore.New(dir(t)) }, nil)
//	}
//
// Package storetest says whether a store keeps its contract; this says that what the contract is for holds
// on it. It is for the author of a store, and for a host that wraps the server or runs a fork of it, which
// gives what it serves as Options.Serve.
//
// Each case is a rule, named as storetest's are: a failure says what was asked, what came back, which calls
// of the store there were, and the rule in a sentence. No token is in it. The rules are about
//
//   - a code: one winner, one use, its client, redirect URI, verifier and lifetime
//   - a refresh token: rotation, one successor, retries, reuse, its client, tenant, scope and lifetime
//   - who a client is: its secret, its key, its assertions
//   - what ends: revocation, the end of a subject, of a consent, of an app's grants, of an installation
//   - faults: at every call of the store of every flow, each of fail before or after the effect, a write
//     that is repeated, refused, slow or lands when its process is gone, a stale read, an outage; a client
//     that hangs up, claims or a signer that fail
//   - what happens meanwhile: at every call of every flow, the same request at another process, or the end
//     of all
//   - versions: what a newer version of the library stored is kept by an older one
//
// After each, the same holds: no two live successors, no token without its grant, no good grant ended by a
// stale read or an unknown outcome, nothing alive that was ended. A client's next try is answered, or (a
// code, or without a grace) refused with nothing left alive.
//
// Clients, browsers, users and APIs come over HTTP, to two processes on one store; what a host calls in
// process is called so. Run it with -race, and with -short for fewer flows and contenders.
//
// [Benchmark] measures the same server on any store.
//
// # Design
//
// There are no waivers. storetest has them, for a store may lack what its host does not need; which of
// these rules a server may break, no host should decide by a line in a test. A rule that is wrong for a
// service is a fault of this suite.
//
// Serve returns an [http.Handler] and not an interface of this package, so that the usual case, middleware,
// needs no more. What a host calls in process is found by its methods.
//
// Faults come one to a request, at every call, for that is what finds what a design forgot; of the pairs, a
// fixed part is run unless Options.AllPairs asks for all: they found nothing more. A stale read is a store
// breaking its word. It is among the faults because replicas and caches happen, and because ending a good
// grant for one can not be mended; that a request is refused for it can.
//
// What binds a token to its sender is the client's authentication, its key or secret, and the tenant. The
// rules Client/Secret, Client/Key, Refresh/BoundToClient and Refresh/BoundToTenant are about that. Tokens that
// are bound to a key of their own (DPoP of RFC 9449, certificates of RFC 8705) are no part of the server, so no
// rule is about them.
//
// A rule says what holds of a token whatever its form, and asks the server what a token allows where only a
// JWT tells by itself, so that no form is spared a rule. A stale read may hide from a request what
// it has to end, a token or a grant; that it then answers as if all were done is the one thing that no rule
// holds against a server.
//
// The suite is itself tested, by servers with one fault each that must fail the cases named for it. That they
// pass all others is seen of those that run no faults, and of the rest too if OAUTHCORE_LONG=1. Each case has
// such a server.
package oauthtest
