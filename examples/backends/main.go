// Backends runs one small authorization server on any of the stores. A store is one file, to read and to
// copy from: how to connect, which settings matter and why.
//
//	go run ./examples/backends
//	go run ./examples/backends -store sqlite:oauth.db -secrets secrets.pem
//
// What follows -store, or is in the environment variable OAUTH_STORE, chooses the file:
//
//	memory                                       memory.go, forgets when the process ends
//	sqlite:oauth.db                              sqlite.go
//	postgres://user@host/database                postgres.go
//	mysql:user@tcp(host:3306)/database           mysql.go, MariaDB too
//	redis://host:6379/0                          redis.go
//	cluster:redis://host:7000?addr=host2:7000    cluster.go, a Redis Cluster
//	bolt:oauth.bolt                              bolt.go, with a store written for it in boltstore
//
// The flag is for all on the machine to see in the list of processes: an address with a password belongs in
// the environment.
//
// # Design
//
// Whatever the store, a host does four things: open it, probe it, keep the secrets that belong to it
// (secrets.go), and sweep it (server.go). A store that outlives the process is refused without a file of
// secrets. All would look well until the next start, which could open no opaque token and answer no retry
// of a refresh, and would have another key than the one that signed the JWTs.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

// opener opens the store at an address of the form in the package's documentation. close ends its
// connections. Its errors hold no password that is in the address.
type opener func(ctx context.Context, address string) (s store.Store, close func() error, err error)

var openers = map[string]opener{
	"memory":     openMemory,
	"sqlite":     openSQLite,
	"postgres":   openPostgres,
	"postgresql": openPostgres,
	"mysql":      openMySQL,
	"redis":      openRedis,
	"rediss":     openRedis, // with TLS
	"cluster":    openCluster,
	"bolt":       openBolt,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "backends:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. It writes where it listens, and what to try, to stdout.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("backends", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 picks a free one")
	issuer := flags.String("issuer", "", "issuer `URL`, the same for all servers on one store (default: the address listened on)")
	address := flags.String("store", "", "`address` of the store (default: the variable OAUTH_STORE, else memory)")
	file := flags.String("secrets", "", "PEM `file` of the server's keys, made if it is not there")
	if err := flags.Parse(args); err != nil {
		return err
	}
	*address = cmp.Or(*address, os.Getenv("OAUTH_STORE"), "memory")
	if *address != "memory" && *file == "" {
		return errors.New("a store that outlives the process needs -secrets, or nothing in it would be of use to the next")
	}
	secrets, err := loadSecrets(*file)
	if err != nil {
		return err
	}

	records, closeStore, err := openStore(ctx, *address)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeStore()) }()
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	listening := "http://" + ln.Addr().String()
	srv, err := newServer(cmp.Or(*issuer, listening), records, secrets)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, linesToTry, listening, clientID, clientSecret)
	return serve(ctx, ln, srv, records, stderr)
}

// openStore opens the store at address and tries it out: what is wrong with it shows better now than at
// somebody's sign-in.
func openStore(ctx context.Context, address string) (store.Store, func() error, error) {
	kind, _, _ := strings.Cut(address, ":")
	open, ok := openers[kind]
	if !ok {
		return nil, nil, fmt.Errorf("unknown kind of store, want one of %s", strings.Join(slices.Sorted(maps.Keys(openers)), ", "))
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	records, closeStore, err := open(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	if err := store.Probe(ctx, records); err != nil {
		return nil, nil, errors.Join(err, closeStore())
	}
	return records, closeStore, nil
}

// serve answers at ln and sweeps records until ctx ends, then lets requests in flight finish.
func serve(ctx context.Context, ln net.Listener, h http.Handler, records store.Store, log io.Writer) error {
	sweeping, stop := context.WithCancel(ctx)
	swept := make(chan struct{})
	go func() { defer close(swept); sweep(sweeping, records, log) }()
	defer func() { stop(); <-swept }() // the store is closed next
	hs := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return hs.Shutdown(last)
	}
}
