// Package api is the app registry's JSON API over package platform: routes, envelope, cursors, repeated
// requests, preconditions and the OpenAPI document.
//
// # Design
//
// One table, in route.go, says of each route who may ask, what goes in and what comes out. The mux, the guards
// and the OpenAPI document are made from it, so that none of them can say something else.
//
// Two guards let requests in: one for people, whose tokens are for this API and carry their roles, and one
// for apps that act for themselves. A token that a registered app got for a user is neither: no consent page
// asks whether an app may act in the registry itself, so none may.
//
// If-Match is honoured wherever something has an ETag, and required nowhere. Answering 428 to a write without
// one was rejected: the service's published clients do not send it. If-None-Match: * is for the first write; what
// can be read before that has an ETag already, so that a client need not know whether its write is the first.
//
// Members of a body are taken by exactly their names, and once. Package json would take them in any letter case
// and use the last of two, which leaves what a caller misspelt half done.
//
// The answer to a repeated request is the first one byte for byte, the request id in its meta included; the
// header x-request-id is that of the request at hand, and Idempotency-Replayed says that it is a repetition.
package api
