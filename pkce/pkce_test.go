package pkce_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/oauthcore/oauthcore/pkce"
)

// The pair of RFC 7636, Appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// R7636-4.2-1
func TestChallenge(t *testing.T) {
	if got := pkce.Challenge(verifier); got != challenge {
		t.Errorf("Challenge of RFC 7636, Appendix B = %q, want %q", got, challenge)
	}
	if err := pkce.Verify(verifier, challenge); err != nil {
		t.Errorf("Verify of RFC 7636, Appendix B = %v, want nil", err)
	}
}

func TestNewVerifier(t *testing.T) {
	seen := make(map[string]bool)
	for range 10_000 {
		v := pkce.NewVerifier()
		if b, err := base64.RawURLEncoding.Strict().DecodeString(v); err != nil || len(b) != 32 {
			t.Fatalf("NewVerifier has %d bytes, error %v, want 32", len(b), err)
		}
		if seen[v] {
			t.Fatal("NewVerifier gave the same verifier twice")
		}
		seen[v] = true
		c := pkce.Challenge(v)
		if err := pkce.CheckChallenge(c); err != nil {
			t.Fatalf("CheckChallenge(%q) = %v, want nil", c, err)
		}
		if err := pkce.Verify(v, c); err != nil {
			t.Fatalf("Verify of a new verifier = %v, want nil", err)
		}
	}
}

// TestCases runs what the shared cases say of this package: those that stop at the authorization
// endpoint for the challenge's form, those that stop at the token endpoint, and those that succeed.
func TestCases(t *testing.T) {
	b, err := os.ReadFile("testdata/pkce_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			ID        string
			Authorize struct {
				Challenge *string `json:"code_challenge"`
				Method    *string `json:"code_challenge_method"`
			}
			Verifier string `json:"code_verifier"`
			Expect   struct{ Stage string }
			Note     string
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, c := range file.Cases {
		if c.Authorize.Challenge == nil || c.Authorize.Method == nil || *c.Authorize.Method != "S256" {
			continue // for who reads the request
		}
		ran++
		challenge := *c.Authorize.Challenge
		if err := pkce.CheckChallenge(challenge); (err != nil) != (c.Expect.Stage == "authorize") {
			t.Errorf("%s, %s: CheckChallenge(%q) = %v, want the flow to stop at %q", c.ID, c.Note, challenge, err, c.Expect.Stage)
		}
		if err := pkce.Verify(c.Verifier, challenge); (err != nil) != (c.Expect.Stage != "ok") {
			t.Errorf("%s, %s: Verify = %v, want the flow to stop at %q", c.ID, c.Note, err, c.Expect.Stage)
		}
	}
	if ran != 52 {
		t.Errorf("ran %d cases, want 52", ran)
	}
}

// R7636-4.2-2
func TestCheckChallenge(t *testing.T) {
	sum := sha256.Sum256([]byte(verifier))
	remove := strings.NewReplacer("=", "", "+", "", "/", "")
	for _, c := range []struct{ name, challenge, want string }{
		{"empty", "", "code_challenge is empty"},
		{"too short", challenge[:39] + "-", "code_challenge has 40 characters, want 43"},
		{"too long", challenge + "A", "code_challenge has 44 characters, want 43"},
		{"as long as plain may be", strings.Repeat("A", 128), "code_challenge has 128 characters, want 43"},
		{"padded", base64.URLEncoding.EncodeToString(sum[:]), "code_challenge has padding: want base64url without ="},
		{"padded twice", challenge + "==", "code_challenge has padding: want base64url without ="},
		{"standard base64", base64.StdEncoding.EncodeToString(sum[:]),
			"code_challenge is standard base64: want base64url, with - and _ for + and /, without ="},
		{"standard base64 without padding", base64.RawStdEncoding.EncodeToString(sum[:]),
			"code_challenge is standard base64: want base64url, with - and _ for + and /, without ="},
		{"characters removed", remove.Replace(base64.StdEncoding.EncodeToString(sum[:])),
			"code_challenge has 42 characters, want 43: computed by removing characters instead of base64url"},
		{"three characters removed", strings.Repeat("A", 40),
			"code_challenge has 40 characters, want 43: computed by removing characters instead of base64url"},
		{"hexadecimal", hex.EncodeToString(sum[:]),
			"code_challenge is hexadecimal: want the base64url form of the 32 bytes of the digest"},
		{"last character with unused bits", challenge[:42] + "N",
			"code_challenge ends in N, which is not the end of 32 bytes in base64url"},
		{"space", " " + challenge[1:], "code_challenge has a space: want base64url"},
		{"newline", challenge + "\n", "code_challenge has a control character: want base64url"},
		{"dot", challenge[:42] + ".", "code_challenge has the character .: want base64url"},
		{"quotation mark", challenge[:42] + `"`, "code_challenge has a quotation mark: want base64url"},
		{"backslash", challenge[:42] + `\`, "code_challenge has a backslash: want base64url"},
		{"both alphabets", challenge[:42] + "+", "code_challenge has the character +: want base64url"},
		{"outside ASCII", challenge[:41] + "é", "code_challenge has a character outside ASCII: want base64url"},
		{"padding inside", challenge[:20] + "=" + challenge[21:], "code_challenge has the character =: want base64url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := pkce.CheckChallenge(c.challenge); err == nil || err.Error() != c.want {
				t.Errorf("CheckChallenge(%q)\n got %v\nwant %s", c.challenge, err, c.want)
			}
		})
	}
	t.Run("accepts every last character that 32 bytes can give", func(t *testing.T) {
		accepted := 0
		for i := range 256 {
			c := challenge[:42] + string([]byte{byte(i)})
			_, err := base64.RawURLEncoding.Strict().DecodeString(c)
			if i == '\r' || i == '\n' {
				err = base64.CorruptInputError(42) // package base64 skips line ends
			}
			if got := pkce.CheckChallenge(c); (got == nil) != (err == nil) {
				t.Errorf("CheckChallenge(%q) = %v, want what strict base64url says: %v", c, got, err)
			}
			if err == nil {
				accepted++
			}
		}
		if accepted != 16 {
			t.Errorf("%d last characters were accepted, want 16", accepted)
		}
	})
}

// R7636-4.1-1
func TestVerify(t *testing.T) {
	sum := sha256.Sum256([]byte(verifier))
	for _, c := range []struct{ name, verifier, challenge, want string }{
		{"empty verifier", "", challenge, "code_verifier has 0 characters, want 43 to 128"},
		{"verifier of 42 characters", verifier[1:], challenge, "code_verifier has 42 characters, want 43 to 128"},
		{"verifier of 129 characters", strings.Repeat("a", 129), challenge, "code_verifier has 129 characters, want 43 to 128"},
		{"verifier in standard base64", verifier[:42] + "+", challenge,
			"code_verifier has the character +: want only A-Z a-z 0-9 - . _ ~"},
		{"verifier with a second line", verifier + "\nx", challenge,
			"code_verifier has a control character: want only A-Z a-z 0-9 - . _ ~"},
		{"another verifier", verifier[:42] + "l", challenge, "code_verifier does not match code_challenge"},
		{"the challenge as verifier", challenge, challenge,
			"code_verifier is the code_challenge itself: want the text whose SHA-256 it is, for the method is S256"},
		{"empty challenge", verifier, "", "code_verifier does not match: code_challenge is empty"},
		{"challenge with characters removed", verifier, strings.ReplaceAll(challenge, "-", ""),
			"code_verifier does not match: code_challenge has 42 characters, want 43: computed by removing characters instead of base64url"},
		{"challenge in standard base64", verifier, base64.StdEncoding.EncodeToString(sum[:]),
			"code_verifier does not match: code_challenge is standard base64: want base64url, with - and _ for + and /, without ="},
		{"challenge with more behind it", verifier, challenge + "A",
			"code_verifier does not match: code_challenge has 44 characters, want 43"},
		{"challenge with unused bits", verifier, challenge[:42] + "N",
			"code_verifier does not match: code_challenge ends in N, which is not the end of 32 bytes in base64url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := pkce.Verify(c.verifier, c.challenge); err == nil || err.Error() != c.want {
				t.Errorf("Verify\n got %v\nwant %s", err, c.want)
			}
		})
	}
	t.Run("accepts the bounds and every unreserved character", func(t *testing.T) {
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
		for _, v := range []string{alphabet[:43], alphabet, (alphabet + alphabet)[:128]} {
			if err := pkce.Verify(v, pkce.Challenge(v)); err != nil {
				t.Errorf("Verify of %d characters = %v, want nil", len(v), err)
			}
		}
	})
	t.Run("refuses every other byte", func(t *testing.T) {
		refused := 0
		for i := range 256 {
			v := verifier + string([]byte{byte(i)})
			if pkce.Verify(v, pkce.Challenge(v)) != nil {
				refused++
			}
		}
		if refused != 256-66 {
			t.Errorf("%d bytes were refused, want %d", refused, 256-66)
		}
	})
}

func TestVerifyDoesNotAllocate(t *testing.T) {
	long := strings.Repeat("a", 128)
	of := pkce.Challenge(long)
	if n := testing.AllocsPerRun(100, func() {
		if pkce.Verify(verifier, challenge) != nil || pkce.Verify(long, of) != nil || pkce.CheckChallenge(of) != nil {
			t.Error("a good verifier was refused")
		}
	}); n != 0 {
		t.Errorf("Verify allocates %v times, want 0", n)
	}
}

// FuzzVerify compares with the definition by way of package base64, and holds the errors to what an
// error_description may have.
func FuzzVerify(f *testing.F) {
	f.Add(verifier, challenge)
	f.Add(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM=")
	f.Add(challenge, challenge)
	f.Add(verifier+"\n", challenge+"\n")
	f.Add("", "")
	f.Add(strings.Repeat("a", 128), "\x00\"\\é")
	f.Fuzz(func(t *testing.T, verifier, challenge string) {
		b, err := base64.RawURLEncoding.Strict().DecodeString(challenge)
		formed := err == nil && len(b) == 32 && !strings.ContainsAny(challenge, "\r\n")
		checked := pkce.CheckChallenge(challenge)
		if (checked == nil) != formed {
			t.Errorf("CheckChallenge(%q) = %v, want well formed to be %v", challenge, checked, formed)
		}
		sum := sha256.Sum256([]byte(verifier))
		match := len(verifier) >= 43 && len(verifier) <= 128 && formed && string(b) == string(sum[:]) &&
			strings.Trim(verifier, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") == ""
		verified := pkce.Verify(verifier, challenge)
		if match && verified != nil || verified == nil && (!formed || string(b) != string(sum[:])) {
			t.Errorf("Verify(%q, %q) = %v, want a match to be %v", verifier, challenge, verified, match)
		}
		for _, err := range []error{checked, verified} {
			if err == nil {
				continue
			}
			if i := strings.IndexFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }); i >= 0 {
				t.Errorf("error %q has a character that no error_description may have", err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := pkce.Verify(verifier, challenge); err != nil {
			b.Fatal(err)
		}
	}
}
