// Package redisstore is a [store.Store] in Redis, on one server or in a Cluster.
//
//	client := redis.NewClient(&redis.Options{Addr: "redis:6379", ContextTimeoutEnabled: true})
//	db, err := redisstore.Open(ctx, client, nil) // and then store.Probe(ctx, db)
//
// A Cluster differs by its client, redis.NewClusterClient. The client of redis.NewFailoverClient, for servers
// that Sentinel watches, is a *redis.Client as well; it is the one that the package's tests do not use. Redis
// has to be of version 6.2 or later and is tested with 7.0. Close the client when the store is no longer used.
//
// # Settings
//
// The servers need in redis.conf, and the replicas of a Cluster too, for each may be the next master:
//
//	maxmemory-policy          noeviction
//	appendonly                yes
//	appendfsync               always
//	no-appendfsync-on-rewrite no
//
// All but appendonly and appendfsync are Redis's defaults. [Open] refuses a server, or any master of a Cluster,
// that says otherwise: INFO in maxmemory_policy and aof_enabled, and CONFIG GET in the other two; and one whose
// INFO says that its role is not master. Where CONFIG is forbidden, as providers do, appendfsync counts as
// unknown, which is refused as well: [Options.InsecureEverySecond] accepts it and everysec. Open also refuses
// clients that read from replicas, and those with ContextTimeoutEnabled off, for they wait longer than they
// were told.
//
// The store uses the commands GET, SET, GETRANGE, EVAL, EVALSHA, TIME, ZADD, ZREM, ZSCORE, ZRANGEBYLEX and
// ZRANGEBYSCORE, and Open INFO and CONFIG GET; a user of the server needs no others but those of the connection.
// All keys begin with [Options.Prefix].
//
// # Durability
//
// What happens to a write that returned nil, when
//
//	                     appendfsync always   appendfsync everysec
//	the process dies     it is there          it is there, if the disk kept up
//	the machine dies     it is there          lost if younger than two seconds
//	a replica takes      lost if the replica did not have it yet,
//	the master's place   under either setting
//
// Replication is asynchronous: a master that dies takes with it what it acknowledged and had not sent on,
// commonly some milliseconds of writes. One that is cut off from the others serves its clients until
// cluster-node-timeout has passed, and what it wrote then is lost, while its reads may be behind. The settings
// min-replicas-to-write and min-replicas-max-lag shorten that. What is lost is that a code or a refresh token
// was used, that an access was revoked, or that a label lists its record. Where no fail-over may lose
// anything, use a database with a synchronous standby.
//
// # Sweep
//
// Redis drops records itself, an hour after their Expires, which is what its clock may be ahead of the
// library's. What needs [Store.Sweep] are the entries that dropped records and interrupted calls leave in
// the lists of labels. They cost memory and are skipped by [Store.List], so once in a few minutes is enough.
// Sweep also looks at the entry of each labelled record once a day, and a call looks at limit entries: a million
// such records want limits that add up to more than a million a day, 1,000 each minute. Since no record is
// dropped, the result does not say that there are more.
//
// # Measured
//
// A whole server in one process on two shared cores, Redis on the same machine, 1,000 grants; for 1, 8 and 64
// clients the requests per second, and the median and the 99th percentile in milliseconds (BenchmarkServer). The
// apps are a registry.Static. The six nodes of the Cluster share the two cores: it shows what the protocol costs,
// not what more machines give.
//
//	                                                1 client          8 clients         64 clients
//	appendfsync always         refresh        1870  0.5  1.2     4830  1.6  3.7     8970  7.3   14
//	                           exchange       1830  0.5  1.3     5050  1.5  4.2     8630  7.7   15
//	                           introspect     6370  0.1  0.4    20620  0.3  2.1    18510  3.3  9.8
//	appendfsync everysec       refresh        3830  0.3  0.7    10810  0.6  3.8     9420  7.0   13
//	                           exchange       3870  0.3  0.7     9530  0.8  3.1    11180  5.5   16
//	                           introspect     7480  0.1  0.3    19690  0.3  2.9    21610  2.9  9.1
//	Cluster of six, everysec   refresh        2670  0.4  0.7     8550  0.8  2.7     9720  6.5   20
//	                           exchange       2090  0.5  1.1     7490  1.0  3.2     9050  6.6   23
//	                           introspect     4510  0.2  0.5    15200  0.4  3.3    17150  3.6   12
//
// # Design
//
// A record is one string: a line with version, expiry and labels, then the value. Create is SET with NX; Swap
// is a script of that one key, which compares the version and sets all anew. A hash with a field for each was the
// other choice. It would count versions by HINCRBY, which the library knows anyway, and takes a third more
// memory. Versions stay text on the server, where scripts count in floating point. Each record is
// in the slot of its own key, so a Cluster spreads all but labels.
//
// A label is a sorted set of keys with equal scores, which Redis keeps in bytewise order. Records and labels
// are in different slots, and nothing spans slots, so a label's entry is written before its record: after a
// crash in between there may be an entry too many, which List does not show, and never one too few. To drop
// it, one has to know that its Create is not under way. Each entry is therefore noted, before it is written,
// in a second sorted set, scored by the server's time an hour later, and Create gives up after a minute. Sweep
// asks for what is due, reads the records, and drops the entry of an absent one by a script that
// first compares the score: every Create raises it. Entries of records that are there are looked at again a
// day later, or when they expire. Labels share 64 slots by hash, each with one set of what is due; one set
// for each label would leave Sweep without a way to find them, and one for all would burden one server.
//
// Writes are sent once. go-redis repeats commands on broken connections, in a Cluster in spite of MaxRetries,
// and a Swap that was executed would then be answered as a conflict. To refuse clients that retry was the
// other choice; instead each write says that it must not be repeated, and the client may be shared. A
// Cluster's answers that a key has moved are followed, for then nothing was executed; records and labels
// can be used while their slot moves.
//
// WAIT is not used. A replica that has a write need not be the one that takes over, and a write that too few
// replicas have is seen by others all the same: it costs a round trip and promises nothing.
package redisstore
