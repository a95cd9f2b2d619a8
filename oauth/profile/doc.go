// Package profile has the wire dialects of known kinds of servers, for hosts that put this library in the
// place of one and whose clients must not notice.
//
// Each function returns a new [oauth.Profile] for [oauth.Config]. Without one the server speaks strict OAuth
// 2.1, and nothing here is to be had: a dialect is named, not discovered. What a profile says of the wire is
// all that it changes. Codes, refresh tokens, grants and their checks are those of package oauth.
//
// The profiles set [oauth.Profile.Paths], so that endpoints are where the clients look for them, and an
// endpoint that the dialect does not know is neither served nor in the metadata. Config.Paths goes before. The
// metadata says nothing of JSON bodies or of the form of tokens, for it has no words for them (RFC 8414).
//
// A dialect's ways of sending a token to an API are settings of the guard, Headers, FormBody and InsecureQuery
// in resource.Config, for the API is often another program.
//
// # Design
//
// A profile is a value and not an interface with a type for each dialect: a host that needs something besides
// changes a field of the value, or wraps one of its functions.
//
// JSON bodies are held to more than encoding/json asks. One object of strings, no name twice, nothing after
// it: two readers of one body must not see two requests. A number or null is refused and not turned into text.
// Arrays, which would allow several resource parameters, were rejected: a client that needs those can send a
// form.
//
// What would weaken the server was left out even where the kind of server that is replaced has it: the implicit and
// password grants, the plain method of PKCE, credentials in a URL. The one exception is the audience, which tokens of
// [Cognito] do not name. What one app needs, such as no PKCE at all, is a waiver in that app's policy, whose name
// begins with Insecure.
//
// Answers keep error_description where the dialect allows one, since only people read it.
package profile
