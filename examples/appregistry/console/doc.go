// Package console is the app registry's pages for people: developers register apps and hand them to review,
// staff review and publish them, organizers find, install and disconnect them. It is a front end of package
// platform, which decides who may do what.
//
// # Design
//
// Each page is whole without scripts: HTML made here, forms that post, a redirect after each that worked. The
// one script copies a secret and keeps a form from being sent twice. A program in the browser over the JSON
// API was rejected: it would need a build, tokens where scripts can read them, and a second copy of every rule.
//
// A new client secret is in the answer to the form that made it, and nowhere else: it is the one answer
// without a redirect, for an address that shows a secret could be visited again. The form carries a key that
// makes the request one of [platform.Platform.Once], so that sending it again, or loading the answer again,
// shows the same app and not a second one.
//
// Forms that change something carry the version that the page showed, zero where there was nothing yet. If it
// has changed since, nothing is done and the page comes again as things are now, with what was typed still in
// it.
//
// A form that another site sends is refused before anything else ([http.CrossOriginProtection]), and is sent
// without the session's cookie, which is SameSite. Tokens in the forms were rejected: they would say once more
// what browsers say by themselves.
//
// Where to go after signing in is told in the address, but leads only to pages of the console: a redirect to
// anywhere would let a stranger borrow this site's name.
//
// Somebody who belongs to several organisations acts for the first, as on the consent page. A switch would
// have to reach both, and belongs to the sign-in.
//
// What cannot be undone is behind a disclosure that says what will happen, on the same page. A dialog needs a
// script, and a page of its own loses sight of what it is about.
package console
