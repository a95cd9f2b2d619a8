// Appregistry is an app registry service: developers register apps, admins review them, organizers install
// them and let them act, and the apps do so over OAuth 2.1. It is an authorization server with everything
// around it: users, a sign-in page, a consent page, a JSON API of its own, and an API that accepts the
// tokens. It runs with no arguments on 127.0.0.1:8080 with demonstration data and prints lines to try.
//
// Usage:
//
//	appregistry [-addr host:port] [-issuer url] [-config file.json] [-store memory|file|postgres://…] [-secrets file]
//
// README.md describes the flags, the API and the configuration file.
//
// # Design
//
// The program is the host that package oauth asks for: it owns users, sessions, pages and the mux, and
// it reaches the library through oauth.Config alone. What the service does is in package platform; this
// package and package api are its front ends.
//
// Users are the configuration's, and their subject is the e-mail address in lower case, for it is the only
// name the configuration gives. A service with users in a database would use an identifier that outlives a
// change of address. All else is kept in the store: sessions too, so that a restart signs nobody out and a
// browser may meet another server with each request.
//
// Apps of the configuration are the operator's, fixed and installed everywhere; apps that developers register
// are in the registry. The first hide the second. Copying the configuration into the registry was rejected:
// nothing would notice that a line was taken out of the file.
//
// Roles are read from the users at each mint and are not kept in the grant, so that a user who loses a
// role loses it at the next mint, an access token's lifetime later at most.
//
// The sign-in form posts to the address the library made, as the consent form does. A login page that is
// told in its query where to go next would be an open redirect to guard.
//
// A client secret from the configuration is kept as SHA-256, a password as argon2id. The file holds the
// client secret in plain text and the hash never leaves this process, so a slow hash would protect
// nothing and delay every token request. Passwords are hashed as they would be in a database, because
// this part is meant to be copied.
//
// A store that outlives the process needs secrets that do, or every restart ends every token without saying
// so. The program therefore makes a file of secrets beside a SQLite database by itself, and asks for one
// before it uses PostgreSQL, where "beside" means nothing and several servers must share it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/oauthcore/oauthcore/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "appregistry:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	addr, issuer, config, store, secrets string
	insecureWebhooks                     bool
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("appregistry", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 picks a free one")
	flags.StringVar(&o.issuer, "issuer", "", "issuer `URL` (default: that of the configuration, else the address listened on)")
	flags.StringVar(&o.config, "config", "", "configuration `file` (default: demonstration data)")
	flags.StringVar(&o.store, "store", "memory", "where records are kept: memory, the `file` of a SQLite database, or postgres://…")
	flags.StringVar(&o.secrets, "secrets", "", "`file` of the server's secrets, made if it is not there (default: the SQLite file's name and .secrets; none for memory)")
	flags.BoolVar(&o.insecureWebhooks, "insecure-webhooks", false, "let webhooks lead to http URLs and private addresses: whoever registers one can then reach what this server reaches")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("got argument %q, wanted flags only", flags.Arg(0))
	}
	if err := checkStorage(o.store); err != nil {
		return nil, err
	}
	return o, nil
}

// load returns the configuration, which is the demonstration's if no file is named.
func (o *options) load() (*config, error) {
	conf := demonstration()
	if o.config != "" {
		data, err := os.ReadFile(o.config)
		if err != nil {
			return nil, err
		}
		if conf, err = parseConfig(data); err != nil {
			return nil, fmt.Errorf("%s:\n%w", o.config, err)
		}
	}
	if o.issuer != "" {
		conf.Issuer = o.issuer
	}
	conf.InsecureWebhooks = o.insecureWebhooks
	return conf, nil
}

// run serves until ctx ends, then lets requests in flight finish. It writes the address and the lines to
// try to stdout, and its log to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	conf, err := o.load()
	if err != nil {
		return err
	}
	keep, err := secretsFor(o.store, o.secrets, conf.Keys)
	if err != nil {
		return err
	}
	st, closeStore, err := openStore(ctx, o.store)
	if err != nil {
		return err
	}
	defer closeStore()
	ln, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	listening := "http://" + reachable(ln.Addr())
	if conf.Issuer == "" {
		conf.Issuer = listening
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	srv, err := newServer(ctx, conf, st, keep, log)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "Listening on", listening)
	if conf.Issuer != listening {
		fmt.Fprintln(stdout, "Issuer", conf.Issuer)
	}
	if conf.Demonstration {
		fmt.Fprint(stdout, "\n", linesToTry(srv.root))
	}
	return serveUntil(ctx, srv, st, ln)
}

// serveUntil serves on ln until ctx ends, and does what is to be done from time to time.
func serveUntil(ctx context.Context, srv *server, st store.Store, ln net.Listener) error {
	var background sync.WaitGroup
	background.Go(func() { sweep(ctx, st, srv.log) })
	background.Go(func() { srv.flush(ctx) })
	hs := &http.Server{
		Handler:           srv,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(srv.log.Handler(), slog.LevelWarn),
	}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err := hs.Shutdown(last)
		background.Wait()
		return errors.Join(err, srv.platform.Flush(last)) // what the last requests counted
	}
}

// secretsFor returns the secrets that belong to a store.
func secretsFor(storage, file string, algs []string) (*secrets, error) {
	switch {
	case file != "":
		return loadSecrets(file, algs)
	case storage == "memory":
		return newSecrets(algs) // what they seal is gone with the process too
	case isPostgres(storage):
		return nil, errors.New("-secrets: name a file, which all servers on this database share: without it every restart would end every token")
	}
	return loadSecrets(storage+".secrets", algs)
}

// reachable returns the address at which a client on this machine finds a listener: one that listens on
// all addresses is found on loopback.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
}
