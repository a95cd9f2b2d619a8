package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// checkPrefix refuses what could meet another store's keys. Braces would move all records into one slot.
func checkPrefix(prefix string) error {
	if len(prefix) > maxPrefix || checkName(strings.ReplaceAll(prefix, ":", "-")) != nil {
		return fmt.Errorf("redisstore: prefix %q, want at most %d of [A-Za-z0-9/_.~:-]", prefix, maxPrefix)
	}
	return nil
}

// checkClient refuses clients whose reads may be behind or whose calls outlive their context.
func checkClient(client redis.UniversalClient) error {
	var faults []error
	fault := func(text string) { faults = append(faults, errors.New("redisstore: client: "+text)) }
	const deadlines = "ContextTimeoutEnabled is off: a call would outlive its context by the read timeout"
	switch c := client.(type) {
	case *redis.Client:
		if !c.Options().ContextTimeoutEnabled {
			fault(deadlines)
		}
	case *redis.ClusterClient:
		if !c.Options().ContextTimeoutEnabled {
			fault(deadlines)
		}
		if c.Options().ReadOnly { // RouteByLatency and RouteRandomly set it
			fault("ReadOnly, RouteByLatency or RouteRandomly is on: reads from replicas are behind, and a token just used would look unused")
		}
	default:
		fault(fmt.Sprintf("is a %T, want a *redis.Client or a *redis.ClusterClient", client))
	}
	return errors.Join(faults...)
}

// checkServers checks every server that client, which passed checkClient, writes to.
func checkServers(ctx context.Context, client redis.UniversalClient, everySecond bool) error {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return checkServer(ctx, client.(*redis.Client), everySecond)
	}
	var mu sync.Mutex
	var faults []error
	// The function never fails, so what is left is that the cluster does not answer.
	if err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		err := checkServer(ctx, master, everySecond)
		mu.Lock()
		defer mu.Unlock()
		faults = append(faults, err)
		return nil
	}); err != nil {
		return fmt.Errorf("redisstore: Open: %w", err)
	}
	return errors.Join(faults...)
}

// checkServer reads INFO, and two settings by CONFIG GET, and returns what is wrong for a store.
func checkServer(ctx context.Context, c *redis.Client, everySecond bool) error {
	at := c.Options().Addr
	text, err := c.Info(ctx).Result()
	if err != nil {
		return fmt.Errorf("redisstore: server %s: INFO: %w", at, err)
	}
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		info[name] = value
	}
	var faults []error
	want := func(what, got, want, lost string) {
		if got != want {
			faults = append(faults, fmt.Errorf("redisstore: server %s: %s is %q, want %q: %s", at, what, got, want, lost))
		}
	}
	want("role", info["role"], "master", "a replica is behind, and takes no writes")
	want("maxmemory-policy", info["maxmemory_policy"], "noeviction", "when memory is short, marks of use and revocations would be dropped")
	want("aof_enabled", info["aof_enabled"], "1", "a restart would undo what was used or revoked")
	if info["aof_enabled"] != "1" {
		return errors.Join(faults...)
	}
	settings, err := c.ConfigGet(ctx, "*appendfsync*").Result()
	var refused redis.Error
	switch {
	case errors.As(err, &refused): // a provider's server, or a user without the right
		settings = map[string]string{"appendfsync": "unknown", "no-appendfsync-on-rewrite": "no"}
	case err != nil:
		return fmt.Errorf("redisstore: server %s: CONFIG GET: %w", at, err)
	}
	if policy := settings["appendfsync"]; !everySecond || policy != "everysec" && policy != "unknown" {
		want("appendfsync", policy, "always", "a loss of power would undo the writes before it (Options.InsecureEverySecond accepts everysec and unknown)")
	}
	want("no-appendfsync-on-rewrite", settings["no-appendfsync-on-rewrite"], "no", "a loss of power would undo all writes since a rewrite of the file began")
	return errors.Join(faults...)
}
