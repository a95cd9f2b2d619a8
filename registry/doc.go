// Package registry keeps the apps of an authorization server: what each may do, its secrets, who
// owns it, what is under review, and where it is installed.
//
// A server with a fixed set of clients uses [Static] and needs only [App], [Manifest], [Policy] and
// [Secret]. A platform on which developers register apps uses a [Registry].
//
// # Transitions
//
// An app or installation changes by methods that take the [Actor] who asks: [App.Propose],
// [App.Submit], [Installation.Allow] and so on. Each checks actor and state, changes its receiver and
// nothing else, and does no I/O; a refusal changes nothing. [Registry.Update] and [Registry.Install]
// make one, or several, an atomic write. A precondition such as If-Match is a comparison with
// App.Version inside the change.
//
// The registry enforces relations only: owner, tenant, staff, and that nobody reviews their own.
// Which roles make someone staff, and which role may call what, is the host's to decide.
//
// # Storage
//
// One record for each app and each installation, never expiring and never removed: an id is not used
// again, and an epoch does not start over. Secrets are stored as hashes. What a record holds is JSON;
// members written by a newer version of this package are kept.
//
// # Design
//
// There is one state machine, the [Revision]'s. All else is data: an installation is what was asked,
// what was allowed and who halted it; a secret is valid between two instants. Rejected: a state of
// the app as a whole. It multiplies with every flag, and reinstating a suspended app would have to
// remember what it was before.
//
// A manifest is checked whole when it is proposed, so that nothing invalid is ever stored or reviewed.
// Rejected: drafts with faults, checked when they are submitted; a form keeps those better than a database.
// What is stored is not judged again while it stays as it is, so that an app that met the rules of its day
// can still be suspended.
//
// A staff member who owns an app is its owner and no more: pauses it, but cannot lift the platform's
// suspension, nor review what they wrote. Whoever wrote a revision is remembered in it, because staff
// may write revisions for others.
//
// An installation's epoch begins at random. Of a subject's own installation and the tenant's, either
// may come to rule where the other did; with epochs that both began at zero, a grant that the removal
// of one has ended could come back to life under the other. Where none is needed there is no epoch: what
// an installation narrowed or halted there goes on when it is removed, as if it had never been.
//
// The directory and the review queue are found by marks, records of their own, because a store's labels never
// change and an app's categories do. A mark is written before the app and taken down after it, and
// every reader checks it against the app: a crash between the two leaves a mark that nobody sees,
// never an app that nobody finds. Rejected: two writes in a transaction, which a [store.Store] does not
// have.
//
// A client secret is kept as what [Secret] says, by its form; there is no function that hashes one.
// Rejected: one that takes any text, for it would have to guess whether the text was generated, and a wrong
// guess is either a secret that can be found from its hash, or needless work at every token request.
//
// A redirect URI is compared as bytes and checked by this package's own grammar. Rejected: net/url. A
// parser that accepts what a browser reads differently is how open redirects begin.
package registry
