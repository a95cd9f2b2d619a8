package pkce_test

import (
	"fmt"

	"github.com/oauthcore/oauthcore/pkce"
)

func Example() {
	// The client keeps the verifier and sends its challenge to the authorization endpoint.
	verifier := pkce.NewVerifier()
	challenge := pkce.Challenge(verifier)

	// The server checks the challenge there, and the verifier when the code comes back with it.
	fmt.Println(pkce.CheckChallenge(challenge))
	fmt.Println(pkce.Verify(verifier, challenge))
	fmt.Println(pkce.Verify(pkce.NewVerifier(), challenge))

	// Output:
	// <nil>
	// <nil>
	// code_verifier does not match code_challenge
}

// Base64 has + and / where base64url has - and _. To delete them, as some published shell lines do with tr,
// loses bits of the digest.
func ExampleCheckChallenge_charactersRemoved() {
	fmt.Println(pkce.CheckChallenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstwcM"))
	// Output:
	// code_challenge has 42 characters, want 43: computed by removing characters instead of base64url
}
