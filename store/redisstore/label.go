package redisstore

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/store"
)

// shards is the number of slots that the entries of labels are spread over. It is part of the layout of
// the data and cannot be changed.
const shards = 64

// note has the entry ARGV[1] of KEYS[1] looked at in an hour, not before.
var note = newScript(`
return redis.call('ZADD', KEYS[1], redis.call('TIME')[1] + 3600, ARGV[1])
`)

// due returns at most ARGV[1] of the entries in KEYS[1] to look at, each followed by its time.
var due = newScript(`
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', redis.call('TIME')[1], 'WITHSCORES', 'LIMIT', 0, ARGV[1])
`)

// settle ends the look at the entry ARGV[2] of KEYS[2], which was due at ARGV[3], unless it was noted again.
// It drops it, and the key ARGV[1] from the label's list KEYS[1], if ARGV[4] is empty; or else has it looked at
// a day later, or at ARGV[4] if that is later.
var settle = newScript(`
if redis.call('ZSCORE', KEYS[2], ARGV[2]) ~= ARGV[3] then
	return 0
end
if ARGV[4] == '' then
	redis.call('ZREM', KEYS[1], ARGV[1])
	redis.call('ZREM', KEYS[2], ARGV[2])
else
	redis.call('ZADD', KEYS[2], math.max(redis.call('TIME')[1] + 86400, ARGV[4]), ARGV[2])
end
return 1
`)

// enter writes the entries of r's labels: first when to look at them, or Sweep would never find those that
// a crash leaves behind. Each command has one key, so that it works also while a cluster moves the slot.
func (s *Store) enter(ctx context.Context, r store.Record) error {
	notes := make([]call, len(r.Labels))
	for i, l := range r.Labels {
		notes[i] = call{keys: s.entry(l)[1:], args: []any{l + " " + r.Key}}
	}
	if _, err := s.run(ctx, note, notes...); err != nil {
		return err
	}
	adds := make([]redis.Cmder, len(r.Labels))
	for i, l := range r.Labels {
		adds[i] = once{redis.NewCmd(ctx, "zadd", s.entry(l)[0], 0, r.Key)}
	}
	return s.send(ctx, adds...)
}

// entry returns the names in Redis of the two sorted sets that hold the entries of a label: its list, and
// what is due in its shard.
func (s *Store) entry(label string) []string {
	shard := crc32.ChecksumIEEE([]byte(label)) % shards
	return []string{s.prefix + "l{" + strconv.Itoa(int(shard)) + "}:" + label, s.due(shard)}
}

// due returns the name of what is due in a shard. In a cluster, the part in braces alone chooses the slot.
func (s *Store) due(shard uint32) string { return s.prefix + "due{" + strconv.Itoa(int(shard)) + "}" }

// List implements [store.Store]. A page holds at most 1000 records.
func (s *Store) List(ctx context.Context, label, after string, limit int) ([]store.Record, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if err := checkName(label); err != nil {
		return nil, "", err
	}
	if limit < 1 {
		return nil, "", fmt.Errorf("redisstore: List with limit %d, want at least 1", limit)
	}
	limit = min(limit, maxPage)
	from := "-"
	if after != "" {
		from = "(" + after
	}
	// One more than the page says whether it is the last.
	found := redis.NewStringSliceCmd(ctx, "zrangebylex", s.entry(label)[0], from, "+", "limit", 0, limit+1)
	if err := s.send(ctx, found); err != nil {
		return nil, "", s.failed(ctx, "List", err)
	}
	keys, next := found.Val(), ""
	if len(keys) > limit {
		keys = keys[:limit]
		next = keys[limit-1]
	}
	rs, err := s.get(ctx, keys)
	if err != nil {
		return nil, "", s.failed(ctx, "List", err)
	}
	return slices.DeleteFunc(rs, func(r store.Record) bool { return !carries(r, label) }), next, nil
}

// carries reports whether r is there with label. An entry alone says neither: it is written before the
// record, also by a Create that then finds another, and stays when Redis drops the record.
func carries(r store.Record, label string) bool { return slices.Contains(r.Labels, label) }

// Sweep implements [store.Store]. Redis drops the records itself, so it returns 0, whatever before is. What
// Sweep does is to look at no more than limit entries of labels, which nothing else drops. Those of an hour
// ago or older that have no record go.
func (s *Store) Sweep(ctx context.Context, before int64, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if limit < 1 {
		return 0, fmt.Errorf("redisstore: Sweep with limit %d, want at least 1", limit)
	}
	start := s.swept.Load()
	for i := range uint32(shards) {
		shard := (start + i) % shards
		s.swept.Store(shard)
		n, err := s.sweep(ctx, shard, min(limit, maxPage))
		if err != nil {
			return 0, s.failed(ctx, "Sweep", err)
		}
		if limit -= n; limit < 1 {
			break
		}
	}
	return 0, nil
}

// sweep looks at no more than limit entries of a shard and returns their number.
func (s *Store) sweep(ctx context.Context, shard uint32, limit int) (int, error) {
	answers, err := s.run(ctx, due, call{keys: []string{s.due(shard)}, args: []any{limit}})
	if err != nil {
		return 0, err
	}
	pairs, _ := answers[0].([]any) // entry, time, entry, time
	if len(pairs) == 0 {
		return 0, nil
	}
	n := len(pairs) / 2
	entries, keys := make([]string, n), make([]string, n)
	for i := range n {
		entries[i], _ = pairs[2*i].(string)
		_, keys[i], _ = strings.Cut(entries[i], " ")
	}
	rs, err := s.get(ctx, keys)
	if err != nil {
		return 0, err
	}
	calls := make([]call, n)
	for i, r := range rs {
		label, _, _ := strings.Cut(entries[i], " ")
		again := ""
		if carries(r, label) {
			again = strconv.FormatInt(r.Expires+slack, 10)
		}
		calls[i] = call{keys: []string{s.entry(label)[0], s.due(shard)}, args: []any{keys[i], entries[i], pairs[2*i+1], again}}
	}
	_, err = s.run(ctx, settle, calls...)
	return n, err
}
