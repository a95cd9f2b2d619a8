package token

import (
	"context"
	"fmt"
	"time"

	"github.com/oauthcore/oauthcore/internal/jose"
)

// source is where a [Verifier] has its keys from.
type source interface {
	// state returns a value that is the same for as long as the keys are. An error means that they could not
	// be had.
	state(ctx context.Context) (any, error)

	// verify checks the signature of j. It returns the state that this was done in, and the time after which
	// the key no longer counts, zero if that is not known. An error that is not jose.ErrInvalid means that the
	// keys could not be had.
	verify(ctx context.Context, j *jose.JWS, algs []string, now time.Time) (state any, until time.Time, err error)
}

var (
	_ source = (*Keys)(nil)
	_ source = fixedSet{}
	_ source = remoteSet{}
)

func (k *Keys) state(context.Context) (any, error) { return k.ring.Load(), nil }

// verify looks the key up by its kid: whatever a ring signed names one.
func (k *Keys) verify(_ context.Context, j *jose.JWS, algs []string, now time.Time) (any, time.Time, error) {
	r := k.ring.Load()
	key := r.byID[j.KID]
	if key == nil || key.withdrawn(now) {
		return nil, time.Time{}, errNoKey
	}
	if err := key.public.Verify(j, algs); err != nil {
		return nil, time.Time{}, err
	}
	return r, key.NotAfter, nil
}

var errNoKey = fmt.Errorf("%w: kid is not in the ring", jose.ErrInvalid)

// fixedSet is a document that was given once.
type fixedSet struct{ set *jose.Set }

func (s fixedSet) state(context.Context) (any, error) { return s.set, nil }

func (s fixedSet) verify(_ context.Context, j *jose.JWS, algs []string, _ time.Time) (any, time.Time, error) {
	return s.set, time.Time{}, s.set.Verify(j, algs)
}

// remoteSet is a document behind a URL.
type remoteSet struct{ remote *jose.Remote }

func (s remoteSet) state(ctx context.Context) (any, error) { return s.remote.Current(ctx) }

func (s remoteSet) verify(ctx context.Context, j *jose.JWS, algs []string, _ time.Time) (any, time.Time, error) {
	set, err := s.remote.Find(ctx, j, algs)
	return set, time.Time{}, err
}
