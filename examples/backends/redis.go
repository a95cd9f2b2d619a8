package main

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/redisstore"
)

// openRedis opens a URL as redis-cli takes it, with rediss:// over any network that is not your own. The
// server needs, in redis.conf:
//
//	appendonly yes
//	appendfsync always            # everysec may lose the last writes with the power
//	maxmemory-policy noeviction   # the default
//
// Open says so if it is otherwise.
func openRedis(ctx context.Context, address string) (store.Store, func() error, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, nil, errors.New("redis: not a URL of the form redis://user:password@host:6379/0")
	}
	o.ContextTimeoutEnabled = true // the request's deadline ends its calls too
	client := redis.NewClient(o)
	records, err := redisstore.Open(ctx, client, nil)
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return records, client.Close, nil
}
