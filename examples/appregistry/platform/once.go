package platform

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Errors of [Platform.Once].
var (
	ErrReused = errors.New("platform: the key was used for another request")
	ErrBusy   = errors.New("platform: the first request with this key is still under way")
	ErrLost   = errors.New("platform: the first request was carried out, and its answer can no longer be read")
)

const (
	onceFor   = 24 * time.Hour
	onceRun   = 30 * time.Second // what a request may take
	onceLease = 2 * onceRun      // after that, whoever began it is taken for dead
	onceWait  = 10 * time.Second // for a twin to end
)

// Answer is an answer that can be given again.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header,omitempty"`
	Body   []byte            `json:"-"`
}

// attempt is the record of a request that is carried out once.
type attempt struct {
	Request []byte    `json:"request"` // what tells it from another under the same key
	Began   time.Time `json:"began"`
	Seed    []byte    `json:"seed"` // of its Draw, with Key
	Key     uint32    `json:"key"`
	Runner  string    `json:"runner"` // who carries it out
	Until   time.Time `json:"until"`  // and until when
	Done    bool      `json:"done"`   // the blob is the sealed Answer
}

// errTaken stops an update: somebody else has the record.
var errTaken = errors.New("platform: taken")

// Once carries out a request with do and keeps the answer for 24 hours; until then the same key and request
// get the same answer, and replayed is true. The key names the caller and the route too; request tells
// another request under the same key, which is [ErrReused]. A twin of one that is under way waits for its
// answer, ten seconds at most, and then gets [ErrBusy].
//
// An answer of status 500 or more is not kept. The next with that key carries the request out again, as does
// the next after a server died on it; with the same Draw, so that do creates the same things again, and can
// see that it has. A transition that was made already may be answered with the state that it left.
// do may take 30 seconds, and is not cut short if the client hangs up.
func (p *Platform) Once(ctx context.Context, key string, request []byte, do func(context.Context, Draw) Answer) (a Answer, replayed bool, err error) {
	id, me := hash(key), rand.Text()
	for wait, waited := 10*time.Millisecond, time.Duration(0); ; wait = min(2*wait, 250*time.Millisecond) {
		var theirs row[attempt]
		mine, err := p.attempts.update(ctx, id, func(r *row[attempt]) error {
			theirs = *r
			return p.take(r, request, me)
		})
		switch {
		case err == nil:
			a, err = p.carryOut(ctx, mine, do)
			return a, false, err
		case !errors.Is(err, errTaken):
			return a, false, err
		case !bytes.Equal(theirs.value.Request, request):
			return a, false, ErrReused
		case theirs.value.Done:
			a, err = p.stored(theirs)
			return a, true, err
		case waited >= onceWait:
			return a, false, ErrBusy
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			waited += wait
		case <-ctx.Done():
			timer.Stop()
			return a, false, ctx.Err()
		}
	}
}

// take makes the request that of runner, if nobody has begun it, or has died doing so.
func (p *Platform) take(r *row[attempt], request []byte, runner string) error {
	now := p.now()
	v := &r.value
	switch {
	case r.version == 0 || now.Sub(v.Began) >= onceFor:
		*v = attempt{Request: request, Began: now, Seed: make([]byte, 16), Key: p.vault.keys[0].id}
		rand.Read(v.Seed)
		r.expires = now.Add(onceFor + time.Hour).Unix()
	case v.Done || now.Before(v.Until) || !bytes.Equal(v.Request, request):
		return errTaken
	}
	v.Runner, v.Until, v.Done, r.blob = runner, now.Add(onceLease), false, nil
	return nil
}

// carryOut does the request and keeps its answer. Where the answer cannot be kept the next request with the
// key is carried out again, and creates nothing twice.
func (p *Platform) carryOut(ctx context.Context, mine row[attempt], do func(context.Context, Draw) Answer) (Answer, error) {
	k, err := p.vault.find(mine.value.Key)
	if err != nil {
		return Answer{}, ErrLost // it may have been carried out, with a Draw that is gone
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), onceRun)
	defer cancel()
	a := do(ctx, k.draw(mine.value.Seed))
	head, err := json.Marshal(a)
	if err != nil {
		return Answer{}, err
	}
	plain := slices.Concat(head, []byte{'\n'}, a.Body)
	_, _ = p.attempts.update(ctx, mine.id, func(r *row[attempt]) error {
		switch {
		case r.version == 0 || r.value.Runner != mine.value.Runner:
			return errTaken // the lease ran out; what both created is the same
		case a.Status >= 500:
			r.value.Until = time.Time{}
		default:
			r.value.Done, r.blob = true, p.vault.seal(plain, mine.id)
		}
		return nil
	})
	return a, nil
}

// stored returns the answer that was kept.
func (p *Platform) stored(r row[attempt]) (a Answer, err error) {
	plain, err := p.vault.open(r.blob, r.id)
	if err != nil {
		return a, ErrLost
	}
	head, body, _ := bytes.Cut(plain, []byte{'\n'})
	a.Body = body
	return a, json.Unmarshal(head, &a)
}
