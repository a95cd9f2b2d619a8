// Package platform is what the app registry does, whoever asks: its roles, its apps and their review, client
// secrets, installations, developers' profiles, usage, webhooks and the directory. The JSON API and the
// pages of the console are two ways in; both give each operation a [Caller] and get values and errors back.
//
// # Design
//
// This package is the seam between the two front ends. Each operation checks the caller against the role
// table itself, so that neither front end can forget to; the API's guard asks the same table earlier, to
// answer before a body is read. A check in the front ends alone was rejected: there are two of them.
//
// Apps and installations are kept by package registry, which knows relations and no roles. All else is kept
// in the same [store.Store], in records of one kind each, and changed by compare and swap, so that it holds
// over a restart and for several servers on one database. A second database beside it was rejected: what one
// command starts should need one.
//
// What must be shown again in plain, the signing secrets of webhooks and the answers kept for repeated
// requests, is sealed under the server's secrets, which are not in the store: see [Vault]. Identifiers and
// secrets that a request creates are drawn from its [Draw], so that a server which takes over another's
// unfinished request creates the same ones and not a second set.
//
// How often an app is installed is found from marks, a record for each app and tenant, which is put in doubt
// before the installation begins or ends, and settled by a later count that looks at the installation. So a
// crash between two writes leaves a doubt and no wrong mark; a counter would be wrong for ever after it.
package platform
