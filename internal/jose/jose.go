// Package jose reads compact JWS (RFC 7515) and JSON Web Keys (RFC 7517) strictly, and produces the
// signatures and public keys that it would itself accept.
//
// # Design
//
// One scanner reads all JSON. RFC 7515 section 4 and RFC 7519 section 4 forbid duplicate member names, and
// encoding/json keeps the last of two, folds case and replaces broken UTF-8; so a scan of our own is needed
// in any case, and the same pass hands out the members.
//
// Keys go through go-jose: JWKs, public and private, are read and written by it, and it computes thumbprints.
// The scan comes first, so that go-jose sees unique members of the right type in canonical base64url and nothing
// but the key itself; what it read must be written by it in the same way, which refuses integers with leading
// zeros. Of what go-jose leaves open this package checks the size and exponent of RSA keys, that there are two
// primes, and that the private part of an EC key fits its public part. An RSA public key is put together here,
// because go-jose stops at 4096 bits; a private one has that limit in a JWK, and not in PEM.
//
// Tokens do not: taking a compact JWS apart, and making and checking its signature with the standard library,
// is done here. It happens at every request, and for each token go-jose makes some 60 to 90 allocations more
// and takes up to half as much time again: BenchmarkSign and BenchmarkVerify of package token measure both side
// by side. Nor would going through go-jose save much, for each rule on top of it (no line breaks or loose bits
// in base64url, no crit, exactly one algorithm to a key, the salt length of PSS) needs the parts that it keeps
// to itself. A fuzz target holds this package to accepting nothing that go-jose refuses.
//
// A key serves exactly one algorithm (RFC 8725 section 3.1): its own alg member, or what its type and curve
// imply. A key that a document publishes together with its private half is left out. The rejected choice, to
// refuse the whole document, would keep the last one in use and with it the very key that was lost.
//
// The modulus of an RSA key is checked for its size only, not for weak generators such as ROCA's.
package jose

// ErrInvalid is what every error that means "this is not good" is: malformed, unsigned, or signed by a key
// that is not in the set. Other errors mean that the question could not be answered. Compare with errors.Is.
var ErrInvalid error = reason("invalid")

// reason is an error whose text never repeats the input.
type reason string

func (r reason) Error() string        { return string(r) }
func (r reason) Is(target error) bool { return target == ErrInvalid }

// MaxSize is the length in bytes of the longest compact JWS that [Parse] accepts.
const MaxSize = 16 << 10

// Algorithms are the signature algorithms that this package knows (RFC 7518 section 3.1, RFC 8037 section
// 3.1), all of them asymmetric. It must not be modified.
var Algorithms = []string{"ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
