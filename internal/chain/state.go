package chain

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/internal/seal"
)

// State is what a grant's record keeps of its chain. It holds hashes and public values only; the zero
// State proves no credential.
type State struct {
	Code       [32]byte   // hash of the code's secret
	Family     [32]byte   // hash of the family's secret, zero at generation 0
	Secret     [32]byte   // hash of the current refresh token's secret, zero at generation 0
	Generation uint32     // of the current credential
	Nonce      [16]byte   // that the current secret was derived with
	Key        seal.KeyID // names the server secret that it was derived under
	Rotated    int64      // Unix seconds of the last rotation
}

// New starts the chain of a grant with a code of 256 random bits.
//
// A grant that begins with a refresh token instead is started by the same two steps, New and
// [State.Next], without handing out the code.
func New(grant ID) (State, Credential) {
	c := Credential{Kind: Code, Grant: grant}
	rand.Read(c.Secret[:])
	return State{Code: digest(useCode, grant, c.Secret[:])}, c
}

// Judge says what c is to a grant in this state, at now in Unix seconds. For [Retry] it also returns the
// successor that c was answered with before. A negative grace is strict: nothing is a Retry; a fraction
// of a second of grace does not count. The caller has read the state of the grant that c names.
//
// The ring is the one that [State.Next] was given, as it is today. A token that is one behind, and whose
// successor was derived under a secret that the ring no longer holds, is Unproven: its reuse can no longer
// be told from garbage.
func (s *State) Judge(r *seal.Ring, c Credential, now int64, grace time.Duration) (Verdict, Credential) {
	switch {
	case c.Kind == Code:
		return s.judgeCode(c), Credential{}
	case c.Kind != Refresh || s.Generation == 0 || !equal(s.Family, digest(useFamily, c.Grant, c.Family[:])): // TestJudge
		return Unproven, Credential{}
	case c.Generation == 0 || c.Generation == lastGeneration:
		return Unproven, Credential{}
	case c.Generation > s.Generation:
		return Newer, Credential{}
	case c.Generation == s.Generation:
		if !equal(s.Secret, digest(useRefresh, c.Grant, c.Secret[:])) { // TestJudge
			return Unproven, Credential{}
		}
		return Current, Credential{}
	case c.Generation+1 < s.Generation:
		return Reuse, Credential{} // its secret left the record long ago: the family's proof must do
	}
	next, ok := successor(r, s.Key, c, s.Nonce)
	if !ok || !equal(s.Secret, digest(useRefresh, next.Grant, next.Secret[:])) {
		return Unproven, Credential{}
	}
	if grace < 0 || apart(now, s.Rotated) > uint64(grace/time.Second) { // TestJudge
		return Reuse, Credential{}
	}
	return Retry, next
}

func (s *State) judgeCode(c Credential) Verdict {
	switch {
	case !equal(s.Code, digest(useCode, c.Grant, c.Secret[:])): // TestJudge
		return Unproven
	case s.Generation == 0:
		return Current
	}
	return Reuse
}

// Next returns the successor of c, which Judge found [Current], and the state in which that is the
// current one. It depends on its arguments alone: the nonce is drawn once for each request, and now is in
// Unix seconds. The successor is derived under the ring's current secret.
func (s *State) Next(r *seal.Ring, c Credential, nonce [16]byte, now int64) (State, Credential) {
	n := *s
	n.Key, n.Nonce, n.Rotated = r.Current(), nonce, now
	if c.Kind == Code {
		family, _ := derive(r, n.Key, useFamily, c, nonce)
		c.Family = [16]byte(family[:16])
		n.Family = digest(useFamily, c.Grant, c.Family[:])
	}
	next, _ := successor(r, n.Key, c, nonce)
	n.Generation = next.Generation
	n.Secret = digest(useRefresh, next.Grant, next.Secret[:])
	return n, next
}

// successor derives the refresh token that follows c, false if the ring no longer holds the key.
func successor(r *seal.Ring, key seal.KeyID, c Credential, nonce [16]byte) (Credential, bool) {
	secret, ok := derive(r, key, useRefresh, c, nonce)
	return Credential{Kind: Refresh, Grant: c.Grant, Generation: c.Generation + 1, Family: c.Family, Secret: secret}, ok
}

// use keeps apart what is hashed and derived for different ends.
type use byte

const (
	useCode use = 1 + iota
	useFamily
	useRefresh
)

// derive returns 32 bytes that follow from c and nonce under the server secret named key. Every part has
// a fixed length, so no two inputs are the same bytes.
func derive(r *seal.Ring, key seal.KeyID, u use, c Credential, nonce [16]byte) ([32]byte, bool) {
	b := make([]byte, 0, 1+16+4+32+16)
	b = append(b, byte(u))
	b = append(b, c.Grant[:]...)
	b = binary.BigEndian.AppendUint32(b, c.Generation)
	b = append(b, c.Secret[:]...)
	b = append(b, nonce[:]...)
	return r.Derive(key, b)
}

// digest is what a record keeps of a secret. The secrets are random or derived, so a fast hash does; the
// grant is part of it, so that nothing of one grant's record proves anything for another.
func digest(u use, grant ID, secret []byte) [32]byte {
	b := make([]byte, 0, 1+16+32)
	b = append(b, byte(u))
	b = append(b, grant[:]...)
	b = append(b, secret...)
	return sha256.Sum256(b)
}

func equal(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// apart is the distance of two times, without overflow.
func apart(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}

// StateSize is the length in bytes of a state's binary form.
const StateSize = 32 + 32 + 32 + 4 + 16 + 4 + 8

// AppendBinary appends the fixed binary form of s: its fields in order, integers big-endian. The error is
// always nil.
func (s *State) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, s.Code[:]...)
	b = append(b, s.Family[:]...)
	b = append(b, s.Secret[:]...)
	b = binary.BigEndian.AppendUint32(b, s.Generation)
	b = append(b, s.Nonce[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(s.Key))
	return binary.BigEndian.AppendUint64(b, uint64(s.Rotated)), nil
}

// UnmarshalBinary reads what [State.AppendBinary] wrote, [StateSize] bytes.
func (s *State) UnmarshalBinary(b []byte) error {
	if len(b) != StateSize {
		return fmt.Errorf("chain state of %d bytes, want %d", len(b), StateSize)
	}
	b = b[copy(s.Code[:], b):]
	b = b[copy(s.Family[:], b):]
	b = b[copy(s.Secret[:], b):]
	s.Generation = binary.BigEndian.Uint32(b)
	b = b[4+copy(s.Nonce[:], b[4:]):]
	s.Key = seal.KeyID(binary.BigEndian.Uint32(b))
	s.Rotated = int64(binary.BigEndian.Uint64(b[4:]))
	if s.Generation == 0 && (s.Family != [32]byte{} || s.Secret != [32]byte{}) {
		return errors.New("chain state of generation 0 with a family")
	}
	return nil
}
