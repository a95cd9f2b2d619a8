package redisstore

import (
	"context"
	"crypto/sha1" // is what Redis names scripts by; nothing here rests on its strength
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

// script runs in Redis as one step.
type script struct{ text, sha string }

func newScript(text string) script {
	sum := sha1.Sum([]byte(text))
	return script{text: text, sha: hex.EncodeToString(sum[:])}
}

// swap replaces the record KEYS[1] if it has the version ARGV[1]: its head by ARGV[2], its value by
// ARGV[3], its expiry by ARGV[4]. Versions are compared as text, for Lua counts in floating point. The
// longest line takes 2094 bytes.
var swap = newScript(`
local line = redis.call('GETRANGE', KEYS[1], 0, 2093)
local version, labels = string.match(line, '^(%d+) %d+([^\n]*)\n')
if version ~= ARGV[1] then
	return 0
end
local data = ARGV[2] .. labels .. '\n' .. ARGV[3]
if ARGV[4] == '' then
	redis.call('SET', KEYS[1], data)
else
	redis.call('SET', KEYS[1], data, 'EXAT', ARGV[4])
end
return 1
`)

// call is one use of a script.
type call struct {
	keys []string // of one slot
	args []any
}

// run sends a script, once for each call, and returns what it answered to each. More than one call is only
// for scripts that can be repeated: a server that does not know the script has all of them sent again.
func (s *Store) run(ctx context.Context, sc script, calls ...call) ([]any, error) {
	answers, err := s.eval(ctx, "evalsha", sc.sha, calls)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		answers, err = s.eval(ctx, "eval", sc.text, calls)
	}
	return answers, err
}

func (s *Store) eval(ctx context.Context, command, name string, calls []call) ([]any, error) {
	cmds := make([]redis.Cmder, len(calls))
	for i, c := range calls {
		args := []any{command, name, len(c.keys)}
		for _, k := range c.keys {
			args = append(args, k)
		}
		cmds[i] = once{redis.NewCmd(ctx, append(args, c.args...)...)}
	}
	if err := s.send(ctx, cmds...); err != nil {
		return nil, err
	}
	answers := make([]any, len(cmds))
	for i, cmd := range cmds {
		answers[i] = cmd.(once).Val()
	}
	return answers, nil
}
