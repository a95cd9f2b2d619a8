package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"
)

// jwk is a JSON Web Key as written: what RFC 7518 section 6 and RFC 8037 section 2 define for signatures.
type jwk struct {
	use, alg, kid string
	ops           []string
	hasOps        bool
	members       map[string]string // those that make the key
	secret        string            // the last member that a public key does not have; empty: none
	multiple      bool              // has more than two primes
}

// parseJWK reads one JWK. An error means that it is none, or one with a member of a wrong type.
func parseJWK(b []byte) (*jwk, error) {
	k := &jwk{members: make(map[string]string)}
	err := Members(b, func(member, value []byte) (err error) {
		name := string(member)
		switch name {
		case "use":
			k.use, err = String(value)
		case "alg":
			k.alg, err = String(value)
		case "kid":
			k.kid, err = String(value)
		case "key_ops":
			k.hasOps = true
			k.ops, err = Strings(value)
		case "kty", "crv":
			k.members[name], err = String(value)
		case "d", "p", "q":
			k.secret = name
			fallthrough
		case "x", "y", "n", "e":
			if k.members[name], err = String(value); err == nil {
				_, err = decode(nil, k.members[name])
			}
		case "dp", "dq", "qi", "oth", "k":
			k.secret = name
			k.multiple = k.multiple || name == "oth"
		}
		return err
	})
	if err == nil && k.members["kty"] == "" {
		err = reason("no kty")
	}
	return k, err
}

// decode appends what s is the base64url of. Every byte sequence has exactly one form: no padding, no line
// breaks, no stray bits (RFC 7515 section 2).
func decode(dst []byte, s string) ([]byte, error) {
	// The decoder skips CR and LF even when it is strict.
	if strings.ContainsAny(s, "\r\n") {
		return nil, errBase64
	}
	b, err := base64.RawURLEncoding.Strict().AppendDecode(dst, []byte(s))
	if err != nil {
		return nil, errBase64
	}
	return b, nil
}

const errBase64 reason = "not base64url"

// may reports whether use and key_ops, each of which may be absent, allow the operation (RFC 7517 sections
// 4.2 and 4.3).
func (k *jwk) may(op string) bool {
	return (k.use == "" || k.use == "sig") && (!k.hasOps || slices.Contains(k.ops, op))
}

// key returns what go-jose makes of the key: a private one if there is a d. It is shown only the members that
// make the key, so that no certificate is parsed.
func (k *jwk) key() (any, error) {
	key := new(gojose.JSONWebKey)
	switch {
	case k.members["kty"] == "EC" && algOf(k.members["crv"]) == "":
		return nil, reason("unknown curve") // go-jose's error would repeat it
	case k.members["kty"] == "RSA" && k.secret == "":
		// go-jose stops at 4096 bits, by a variable of the whole program that is not this package's to set.
		n, _ := decode(nil, k.members["n"])
		e, _ := decode(nil, k.members["e"])
		key.Key = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	default:
		doc, err := json.Marshal(k.members)
		if err == nil {
			err = key.UnmarshalJSON(doc)
		}
		if err != nil {
			return nil, reasonOf(err)
		}
	}
	// go-jose reads integers with leading zeros, but does not write them.
	public := key.Public()
	doc, err := public.MarshalJSON()
	if err != nil {
		return nil, reasonOf(err)
	}
	var canonical map[string]string
	if err := json.Unmarshal(doc, &canonical); err != nil {
		return nil, err
	}
	for name, value := range canonical {
		if k.members[name] != value {
			return nil, reason(name + " that is missing or has leading zeros")
		}
	}
	return key.Key, nil
}

// reasonOf returns an error of go-jose, which does not hold the key, as one of ours.
func reasonOf(err error) reason {
	return reason(strings.TrimPrefix(err.Error(), "go-jose/go-jose: "))
}

// PrivateKey is a private JWK: a signer and what the document says about it, each empty if it says nothing.
type PrivateKey struct {
	Signer  crypto.Signer
	ID, Alg string
}

// ParsePrivateKey reads a private JWK (RFC 7517) for signatures. Whether the key is strong enough and its
// algorithm fits is for [NewKey] to say. An RSA key has at most 4096 bits here.
func ParsePrivateKey(b []byte) (*PrivateKey, error) {
	k, err := parseJWK(b)
	if err != nil {
		return nil, err
	}
	if !k.may("sign") {
		return nil, reason("a JWK whose use or key_ops does not allow signing")
	}
	key, err := k.key()
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, reason("a JWK without a private key")
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		// The one check of a private key that go-jose leaves to others.
		d, err := key.Bytes()
		if err != nil {
			return nil, reasonOf(err)
		}
		again, err := ecdsa.ParseRawPrivateKey(key.Curve, d)
		if err != nil || !again.Equal(key) {
			return nil, reason("a JWK whose private and public parts do not fit")
		}
	case *rsa.PrivateKey:
		if k.multiple {
			return nil, reason("an RSA key with more primes than two")
		}
		key.Precompute()
	}
	return &PrivateKey{Signer: signer, ID: k.kid, Alg: k.alg}, nil
}
