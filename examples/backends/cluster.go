package main

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/redisstore"
)

// openCluster opens cluster: and a URL as [redis.ParseClusterURL] takes it. One node that answers is enough,
// for it names the others. What redis.go says of a server holds for each of them.
func openCluster(ctx context.Context, address string) (store.Store, func() error, error) {
	o, err := redis.ParseClusterURL(strings.TrimPrefix(address, "cluster:"))
	if err != nil {
		return nil, nil, errors.New("cluster: not a URL of the form redis://user:password@host:7000?addr=host2:7000")
	}
	o.ContextTimeoutEnabled = true // the request's deadline ends its calls too
	client := redis.NewClusterClient(o)
	records, err := redisstore.Open(ctx, client, nil)
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return records, client.Close, nil
}
