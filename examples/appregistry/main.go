// Appregistry is an authorization server with everything a service around it needs: users, a sign-in
// page, a consent page, an API that accepts the tokens, and a login of its own. It runs with no
// arguments on 127.0.0.1:8080 with demonstration data and prints lines to try.
//
// Usage:
//
//	appregistry [-addr host:port] [-issuer url] [-config file.json]
//
// README.md describes the configuration file.
//
// # Design
//
// The program is the host that package oauth asks for: it owns users, sessions, pages and the mux, and
// it reaches the library through oauth.Config alone.
//
// The subject of a user is the e-mail address in lower case, for it is the only name the configuration
// gives. A service with a database would use an identifier that outlives a change of address.
//
// Roles are read from the users at each mint and are not kept in the grant, so that a user who loses a
// role loses it at the next refresh.
//
// The sign-in form posts to the address the library made, as the consent form does. A login page that is
// told in its query where to go next would be an open redirect to guard.
//
// A client secret from the configuration is kept as SHA-256, a password as argon2id. The file holds the
// client secret in plain text and the hash never leaves this process, so a slow hash would protect
// nothing and delay every token request. Passwords are hashed as they would be in a database, because
// this part is meant to be copied.
//
// Everything lives in memory and ends with the process.
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
	"syscall"
	"time"
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

// run serves until ctx ends, then lets requests in flight finish. It writes the address and the lines to
// try to stdout, and its log to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("appregistry", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8080", "`host:port` to listen on; port 0 picks a free one")
	issuer := flags.String("issuer", "", "issuer `URL` (default: that of the configuration, else the address listened on)")
	file := flags.String("config", "", "configuration `file` (default: demonstration data)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("got argument %q, wanted flags only", flags.Arg(0))
	}
	conf := demonstration()
	if *file != "" {
		data, err := os.ReadFile(*file)
		if err != nil {
			return err
		}
		if conf, err = parseConfig(data); err != nil {
			return fmt.Errorf("%s:\n%w", *file, err)
		}
	}
	if *issuer != "" {
		conf.Issuer = *issuer
	}

	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	listening := "http://" + reachable(ln.Addr())
	if conf.Issuer == "" {
		conf.Issuer = listening
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	srv, err := newServer(conf, log)
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

	go sweep(ctx, srv.store, log)
	hs := &http.Server{
		Handler:           srv,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
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

// reachable returns the address at which a client on this machine finds a listener: one that listens on
// all addresses is found on loopback.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(tcp.Port))
}
