// Package proof has no code but tests: what oauth, registry and sqlstore promise together, held while
// database and server are killed and their connections cut.
//
// # What is proven
//
// Every test drives whole servers over HTTP, as apps and users do, and believes only what a client can
// know: an answer that arrived is acknowledged, and anything else may or may not have happened.
//
//   - PostgreSQL killed under load, five times: no acknowledged rotation or revocation is lost.
//   - A primary killed and its synchronous standby promoted: the same.
//   - A proxy that cuts connections to PostgreSQL before a request, after it, and in its answer, and now and
//     then cuts every connection: no token has two successors, no revocation is lost, no good family is ended.
//   - Two processes racing for one code or refresh token, on PostgreSQL and on one SQLite file: one winner.
//   - A server killed after each single call of its store, in every flow, on PostgreSQL and on SQLite: the
//     client's second try at another process completes, or is refused where a code or strict mode demands
//     that, and nothing is there twice or alive without an owner. What begins a grant and spends nothing,
//     such as Issue, may leave one beside that of the second try: it has the same owner, and ends with it.
//
// A flow is a request to an endpoint, with each grant type, or a call of a method of oauth.Server or
// registry.Registry, and TestFlowsAreAllThereAre fails if there is one without a flow; the reads Registry.App and
// Registry.Installation are part of others.
//
// # Design
//
// Each test runs once more over something that is known to be wrong, such as commits that do not wait for
// the disk or a store that answers before it has written, and fails if it finds no fault there. A proof
// that cannot fail proves nothing.
//
// kill -9 leaves what a process has handed to the operating system: these tests are about what the
// database acknowledges before it has written, not about disks that lie. A machine that loses power needs
// fsync as well, which is the database's default.
//
// The cutting proxy runs for a minute, or ten seconds with -short.
package proof
