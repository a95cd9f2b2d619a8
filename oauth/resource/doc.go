// Package resource guards an API with access tokens: RFC 6750, with the answers of RFC 7662 and the
// metadata of RFC 9728. It is the other side of package oauth and does not link it: an API that accepts
// tokens carries no authorization server.
//
// # Use
//
// A [Guard] is made once from a [Config] that names the issuer and this API's own identifier, the
// audience. [Guard.Require] wraps a handler with what it needs; [Guard.Check] is the same decision without
// the answer, for frameworks with handlers of their own. The wrapped handler reads [Claims] from its
// request's context.
//
// Tokens are judged offline by their signature, or by asking the issuer: in process with the Introspect
// method of an oauth.Server, over the network with [Remote]. Only asking sees a revocation before the
// token expires.
//
// # Security
//
// What cannot be proven is refused. A question that could not be answered is 503, never a pass and never
// "the token is bad", so that an outage of the issuer does not make clients throw good tokens away. Issuer
// and audience hold for introspected tokens as for JWT: an answer that names no issuer or no audience is
// refused. A token bound to a key (cnf, RFC 7800) is refused, because a guard that does not check the
// proof would turn it into a bearer token. Refusals never repeat what the request sent.
//
// # Design
//
// Check decides and Require answers, so that the rules are testable without HTTP and usable without
// net/http's handlers. A middleware that only wraps was rejected: a GraphQL resolver needs the decision.
//
// With Introspect set, the token is verified offline first only if Accept names its keys. Otherwise the
// answer stands alone, signature included, and the guard makes no discovery request that an API with
// opaque tokens would have to explain. Offline verification first costs little, spares the issuer forged
// tokens, and would be pointless afterwards.
//
// An answer about a JWT replaces the JWT's own claims: roles taken away since are gone. Both must be
// meant for this API.
//
// Answers are kept only if [Config.CacheFor] says how late a revocation may be seen. The time counts from
// before the question, refusals and failures are not kept, and scopes, roles, audience and expiry are
// judged for every request, so that two routes with different needs share an answer safely. A cache by
// default was rejected: who introspects does it for the revocations.
//
// A missing role is insufficient_scope without a scope parameter. RFC 6750 has no code for roles, and
// naming scopes would send clients to ask the user for what no consent can give.
//
// The metadata document is derived from the Config and its URL from the audience. A free text URL was
// rejected: the rule of RFC 9728, Section 3.1, is easy to get wrong by hand, and clients compare.
package resource
