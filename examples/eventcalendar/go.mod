module github.com/oauthcore/oauthcore/examples/eventcalendar

go 1.26.0

require (
	github.com/graph-gophers/graphql-go v1.11.0
	github.com/oauthcore/oauthcore v0.1.0
	golang.org/x/oauth2 v0.37.0
)

require (
	github.com/go-jose/go-jose/v4 v4.1.8 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/oauthcore/oauthcore => ../..
