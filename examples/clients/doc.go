// Package clients drives examples/appregistry as real clients do: golang.org/x/oauth2 and
// github.com/coreos/go-oidc/v3 over HTTP, and a browser that fills in the forms it is shown.
//
// # Design
//
// The server is the program itself, started as a process from a configuration file. The tests reach it
// by its addresses alone, so that what passes here is what a user of the library's servers sees. They
// are a module of their own, for the library does not depend on the clients it is tested with.
package clients
