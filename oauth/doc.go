// Package oauth is an OAuth 2.1 authorization server as an [http.Handler]: everything between an HTTP
// request and the host's database. The host brings its users, its pages, a [store.Store] and a router.
//
// # Flows
//
// The server answers at six places, which [Paths] moves and its metadata names:
//
//	authorize    RFC 6749 section 3.1 with PKCE (RFC 7636), RFC 8707 resource, RFC 9207 iss, prompt, max_age
//	token        authorization_code, refresh_token, client_credentials, and the host's own grant types
//	introspect   RFC 7662
//	revoke       RFC 7009
//	jwks         RFC 7517
//	metadata     RFC 8414, at the well-known paths that clients try
//
// Clients authenticate with client_secret_basic, client_secret_post, private_key_jwt (RFC 7523) or, if
// they are public, not at all: each with the one method that it registered. A private_key_jwt assertion has
// the client as iss and sub, the issuer as aud, a single string, a jti that was not used before, and an exp
// at most 5 minutes ahead; clocks may differ by a minute. Access tokens are JWTs of RFC 9068 or opaque, as
// the app's policy says.
//
// # Pages
//
// The library alone decides when a page is needed and what an answer to it may do; the host only shows it.
// Config.SignedIn says who is signed in, Config.Interact shows a page. A sign-in page comes with
// [Authorization.Login] nil: start a session and go back to [Authorization.URL]. A consent page posts to
// that URL, and its POST ends in [Authorization.Approve] or [Authorization.Deny]. The URL holds the whole
// request, sealed and bound to the browser, so nothing is kept between the pages.
//
// # Storage
//
// A grant is the one record that lives: that a subject let an app act. Codes and refresh tokens are its
// credentials, an access token carries its own facts, and introspection reads the grant. A code exchange
// or a refresh costs three reads, four where an installation applies, and one write; a retry within the grace
// and introspection cost no write. A client assertion costs one write more, wherever it is used. Where access
// tokens are handles ([Profile]), each costs one write more, and each look at one a read more. What expires is dropped by [store.Store.Sweep], which the host calls.
//
// # Security
//
// Check all, build all, swap, answer: a request that is refused has changed nothing, one whose signature
// fails has spent nothing, and a client that hangs up cuts no write short. A second use of a code, or of a
// refresh token outside the grace, ends the grant, but only if all else about the request was right. An
// app, an installation, a consent and a subject each have a counter, and raising it ends every grant made
// under a lower one in a single write.
//
// A [Limiter] bounds wrong requests by the address that they come from and wrong authentications by the app that
// they name. Keys and generated secrets pass whoever else has been wrong, so that no stranger can lock such an app
// out. Sign-ins, apps without credentials and secrets that people chose wait with the address that they come from.
// The slow hashes of the last are made one at a time for each app, by addresses in turn, and no more at once than
// there are processors: at most so many times the memory of argon2id, 128 MiB, are in use by a Server. Whoever
// floods such an app from many addresses, or from its own, delays it, until after ten seconds of waiting it is
// refused with 503. Behind a proxy all have one address unless Config.Address tells them apart.
//
// # Design
//
// One pure decision (decide.go) answers page, grant or refuse for the first GET, the return from
// sign-in and the POST alike; a state machine kept in the store was rejected, for it has to be cleaned up
// and can be raced. An app's POST to the authorization endpoint is answered with the same request as a
// GET, so that pages have one way in.
//
// Lifetimes are read from the app's policy at each use and not stored in the grant, as first planned: a
// platform that shortens one is obeyed at once, and there is less to store. An app's grant to itself
// has no subject in its record, so no user's id can be confused with an app's.
//
// A request without scope asks for the scopes that the app's manifest calls required; if there are none it
// is refused, and never means all. A code exchange may narrow its access token as a refresh may.
//
// The endpoint for introspection describes an app's own current refresh token to that app alone, without
// an audience, so that no API takes it for an access token. Server.Introspect knows access tokens only.
//
// A consent remembers all that was approved: scopes, resources, and what the host added. So a resource that
// the user was not shown is asked for, as a scope is; which scope was shown with which resource is not kept,
// as a token does not say it either. A form approves what its page said: if the app or its installation has
// changed since, the page comes again. A first-party app needs no consent, so none is held against it. Refusing a scope on the consent page
// is remembered; Deny is not, so that a user who was asked at a bad moment is asked again.
//
// A faulty request whose client and redirect URI are right is answered at once (RFC 6749, Section 4.1.2.1).
// To sign the user in first, as RFC 9700, Section 4.11.2 would have it, was rejected: the URI is one that was
// registered, and whoever writes the client sees what is wrong without a session.
//
// An app on a loopback or private-use redirect is asked for at every request, because any program on the device
// can pose as it. To spare those with a secret was rejected: a native app's is in every copy of it, so that it
// proves nothing (RFC 8252, Section 8.5). Policy.FirstParty goes before that: the platform says in so many words
// that this app needs no page.
//
// To remember which slow secrets were right, so that their apps pass floods of guesses, was rejected: what is
// remembered answers at once, so that guesses at it would be as fast.
//
// A dialect is a [Profile], a value of functions and facts, and core code asks for the fact, never for the
// dialect. Where endpoints are is such a fact, so that one that the dialect does not know is neither served nor
// advertised unless the host wants it. Which tokens can be revoked is one too, for Reply comes when all is
// done, and Request before it is known what the token is.
//
// A handle's record is written before the grant that the token hangs on. A crash between the two leaves a record
// that nobody can name and that expires; in the other order it would leave a code that is spent and a token
// that nobody got. What the record holds is sealed for it alone, so that who reads the store has no tokens,
// and who writes it cannot put one in the place of another. A handle is revoked by a denial like every access
// token; deleting its record was rejected, because a store need not be able to.
package oauth
