package token_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/oauthcore/oauthcore/token"
)

// An authorization server signs with a ring of keys; an API that runs in the same process checks against it. An
// API elsewhere leaves Keys out and finds the keys by the issuer's metadata.
func Example() {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := token.NewKeys(token.Key{Signer: key})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now()
	jwt, err := keys.Sign(&token.Claims{
		Issuer: "https://auth.example.com", Subject: "248289761001", Audience: []string{"https://api.example.com"},
		IssuedAt: now, Expires: now.Add(15 * time.Minute), ID: "dbe39bf3a3ba4238", ClientID: "s6BhdRkqt3",
		Scopes: []string{"read:events"},
	})
	if err != nil {
		log.Fatal(err)
	}

	v, err := token.NewVerifier(token.VerifierConfig{
		Issuer: "https://auth.example.com", Audience: "https://api.example.com", Keys: keys,
	})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := v.Verify(context.Background(), jwt)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, claims.Scopes)

	_, err = v.Verify(context.Background(), jwt+"A")
	fmt.Println(errors.Is(err, token.ErrInvalid))
	// Output:
	// 248289761001 [read:events]
	// true
}

// A key that is announced a day ahead takes over by itself, and the one before it leaves when the tokens that
// it signed have expired.
func ExampleKeys_Replace() {
	_, old, _ := ed25519.GenerateKey(nil)
	_, next, _ := ed25519.GenerateKey(nil)
	keys, err := token.NewKeys(token.Key{ID: "2026-01", Signer: old})
	if err != nil {
		log.Fatal(err)
	}

	now := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
	change := now.Add(24 * time.Hour)
	err = keys.Replace(
		token.Key{ID: "2026-01", Signer: old, NotAfter: change.Add(time.Hour)},
		token.Key{ID: "2026-02", Signer: next, NotBefore: change},
	)
	if err != nil {
		log.Fatal(err)
	}
	v, err := token.NewVerifier(token.VerifierConfig{
		Issuer: "https://auth.example.com", Audience: "https://api.example.com",
		JWKS: keys.JWKS(now), // has both
		Now:  func() time.Time { return change },
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, at := range []time.Time{change.Add(-time.Second), change} {
		jwt, err := keys.Sign(&token.Claims{
			Issuer: "https://auth.example.com", Subject: "1", Audience: []string{"https://api.example.com"},
			IssuedAt: at, Expires: at.Add(time.Hour), ID: "1", ClientID: "1",
		})
		if err != nil {
			log.Fatal(err)
		}
		_, err = v.Verify(context.Background(), jwt)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
}
