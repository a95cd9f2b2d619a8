// Quickstart is the smallest authorization server that signs a user in: this file is what the library
// asks for, pages.go is the host around it.
package main

import (
	"crypto/ed25519"
	"flag"
	"log"
	"net/http"

	"github.com/oauthcore/oauthcore/oauth"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store/memory"
	"github.com/oauthcore/oauthcore/token"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	_, key, _ := ed25519.GenerateKey(nil)
	keys, err := token.NewKeys(token.Key{Signer: key})
	if err != nil {
		log.Fatal(err)
	}
	records := memory.New()
	go sweep(records)
	srv, err := oauth.New(oauth.Config{
		Issuer: "http://" + *addr, Store: records, Keys: keys,
		Resources: []string{"http://" + *addr + "/api"},
		Apps: registry.Static{{ID: "cli", Manifest: registry.Manifest{Name: "My CLI", AuthMethod: "none",
			RedirectURIs: []string{"http://127.0.0.1/callback"}, Scopes: []string{"read:events"}}}},
		SignedIn: whoIsSignedIn, Interact: showPage, // your pages: see pages.go
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/", srv)
	log.Println("listening on http://" + *addr)
	log.Fatal(http.ListenAndServe(*addr, nil))
}
