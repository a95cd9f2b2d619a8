package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// send sends commands, in one round trip to each server that they are for, and returns the first error of
// one of them, which may be [redis.Nil].
//
// Everything goes in a pipeline, one command too: go-redis answers none from its own cache, which may be
// behind, and does not ask a cluster for its list of commands before, which would outlive ctx.
func (s *Store) send(ctx context.Context, cmds ...redis.Cmder) error {
	pipe := s.client.Pipeline()
	if err := pipe.BatchProcess(ctx, cmds...); err != nil {
		return err
	}
	_, err := pipe.Exec(ctx)
	return err
}

// once is a command that go-redis does not send again when the connection breaks, whatever the client's
// MaxRetries and MaxRedirects: it may have been executed. It still follows a server's answer that the key is
// elsewhere, for then it was not.
type once struct{ *redis.Cmd }

// NoRetry implements [redis.Cmder].
func (once) NoRetry() bool { return true }
