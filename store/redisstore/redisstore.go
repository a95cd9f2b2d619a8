package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/store"
)

const (
	maxKeys   = 16 // of one Get
	maxPage   = 1000
	maxPrefix = 64
)

// slack is how many seconds after its Expires Redis drops a record, so that a server whose clock is ahead
// of the library's by less drops none early.
const slack = 3600

// Options say where the records are and which promises may be given up. nil is the zero value.
type Options struct {
	// Prefix begins every key that the store writes, so that others can use the same Redis: at most 64 of
	// the characters [A-Za-z0-9/_.~:-]. Empty is "oauthcore:". Stores with different prefixes have nothing
	// in common.
	Prefix string

	// InsecureEverySecond accepts servers with appendfsync everysec, and those that do not say. When such a
	// server's machine stops, the writes of its last two seconds are gone: codes and refresh tokens used in
	// them are good again, and so is what was revoked.
	InsecureEverySecond bool

	// InsecureMayLose accepts any server, without a look at its settings, for caches and for development:
	// one that evicts records or forgets them when it stops. Every code, token and revocation in them is
	// lost, and clients that were refused may be admitted.
	InsecureMayLose bool

	_ [0]func() // keyed and uncomparable: fields may be added
}

// Store keeps records in Redis. It is safe for many goroutines and processes. It has nothing to close but
// the client, which remains the caller's.
type Store struct {
	client  redis.UniversalClient
	cluster *redis.ClusterClient // client, or nil if that is for one server
	prefix  string
	swept   atomic.Uint32 // the shard of labels at which the last Sweep stopped
}

var _ store.Store = (*Store)(nil)

// Open returns a store on client, a *redis.Client or a *redis.ClusterClient, having checked that client
// and servers can keep what a store promises; the package documentation lists what is checked. An error
// names every fault that was found.
func Open(ctx context.Context, client redis.UniversalClient, o *Options) (*Store, error) {
	if o == nil {
		o = new(Options)
	}
	s := &Store{client: client, prefix: o.Prefix}
	if s.prefix == "" {
		s.prefix = "oauthcore:"
	}
	s.cluster, _ = client.(*redis.ClusterClient)
	if err := errors.Join(checkPrefix(s.prefix), checkClient(client)); err != nil {
		return nil, err
	}
	if !o.InsecureMayLose {
		if err := checkServers(ctx, client, o.InsecureEverySecond); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Create implements [store.Store].
func (s *Store) Create(ctx context.Context, r store.Record) error {
	if err := before(ctx, r); err != nil {
		return err
	}
	if len(r.Labels) > 0 {
		// Entries come first, and Sweep leaves one alone for an hour after it was written. The record must
		// be there by then or never come.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if err := s.enter(ctx, r); err != nil {
			return s.failed(ctx, "Create", err)
		}
	}
	args := []any{"set", s.record(r.Key), encode(r), "nx"}
	if r.Expires != 0 {
		args = append(args, "exat", r.Expires+slack)
	}
	err := s.send(ctx, once{redis.NewCmd(ctx, args...)})
	if errors.Is(err, redis.Nil) {
		return store.ErrExists
	}
	return s.failed(ctx, "Create", err)
}

// Get implements [store.Store]. No keys, more than 16, one twice, or one that is not of the form of a
// key are errors.
func (s *Store) Get(ctx context.Context, keys ...string) ([]store.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(keys) < 1 || len(keys) > maxKeys {
		return nil, fmt.Errorf("redisstore: Get of %d keys, want 1 to %d", len(keys), maxKeys)
	}
	for i, k := range keys {
		if err := checkName(k); err != nil {
			return nil, err
		}
		if slices.Contains(keys[:i], k) {
			return nil, errors.New("redisstore: Get of the same key twice")
		}
	}
	rs, err := s.get(ctx, keys)
	return rs, s.failed(ctx, "Get", err)
}

// get returns a record for each of keys, which may be many.
func (s *Store) get(ctx context.Context, keys []string) ([]store.Record, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	cmds := make([]redis.Cmder, len(keys))
	for i, k := range keys {
		cmds[i] = redis.NewStringCmd(ctx, "get", s.record(k))
	}
	s.send(ctx, cmds...) // each has its own error
	rs := make([]store.Record, len(keys))
	for i, k := range keys {
		data, err := cmds[i].(*redis.StringCmd).Result()
		switch {
		case errors.Is(err, redis.Nil):
			rs[i].Key = k
		case err != nil:
			return nil, err
		default:
			if rs[i], err = decode(k, data); err != nil {
				return nil, err
			}
		}
	}
	return rs, nil
}

// Swap implements [store.Store].
func (s *Store) Swap(ctx context.Context, r store.Record) error {
	if err := before(ctx, r); err != nil {
		return err
	}
	expireAt := ""
	if r.Expires != 0 {
		expireAt = strconv.FormatInt(r.Expires+slack, 10)
	}
	done, err := s.run(ctx, swap, call{
		keys: []string{s.record(r.Key)},
		args: []any{r.Version, head(r.Version+1, r.Expires), r.Value, expireAt},
	})
	if err != nil {
		return s.failed(ctx, "Swap", err)
	}
	if done[0] != int64(1) {
		return store.ErrConflict
	}
	return nil
}

// record returns the name in Redis of the record with a key.
func (s *Store) record(key string) string { return s.prefix + "r:" + key }

// failed returns err as the error of a method.
func (s *Store) failed(ctx context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	var reply redis.Error
	if !errors.As(err, &reply) {
		// A server may be gone and its replica in its place. go-redis asks again only once a minute.
		if s.cluster != nil {
			s.cluster.ReloadState(ctx)
		}
	} else if text, _, quotes := strings.Cut(err.Error(), ", with args"); quotes {
		err = errors.New(text) // what follows are the arguments, a value among them
	}
	if done := ctx.Err(); done != nil && !errors.Is(err, done) {
		err = fmt.Errorf("%w: %w", done, err)
	}
	return fmt.Errorf("redisstore: %s: %w", method, err)
}

// before is what a write checks first.
func before(ctx context.Context, r store.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.Check()
}

// checkName returns an error if name is not of the form of a key or label.
func checkName(name string) error { return store.Record{Key: name, Version: 1}.Check() }
