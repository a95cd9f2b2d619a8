package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const patience = time.Minute // for a server to start, recovery included

// Server is a server that was started. Its methods fail the test that asked for it if they cannot do what
// they say. They are for one goroutine at a time, but for DSN and Query.
type Server struct {
	// Addr is where it listens, host:port. It stays the same when it is started again.
	Addr string

	t      testing.TB
	shared bool
	spec   spec
	dir    string // holds the data and the log
	run    *process
}

// spec is what tells one engine from another.
type spec struct {
	name      string
	configure func(s *Server) error // runs before each start, if not nil
	argv      func(s *Server) []string
	ready     func(s *Server) error // nil once it serves
	dsn       func(addr, database string) string
	stop      syscall.Signal // asks it to end in good order
}

// DSN returns how Go's drivers name the database on this server: a URL for PostgreSQL, PgBouncer
// and Redis, go-sql-driver's form for MariaDB. More parameters can be appended, after "&".
func (s *Server) DSN(database string) string { return s.spec.dsn(s.Addr, database) }

// Start starts a server again that was killed or stopped, on the same address and data, and waits until it
// serves.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("engine: %v", err)
	}
}

// Kill ends the server as a crash would: all of its processes at once, by SIGKILL.
func (s *Server) Kill() {
	s.t.Helper()
	s.mayEnd()
	s.run.kill()
	s.run = nil
}

// Stop ends the server in good order. Its data stays for Start.
func (s *Server) Stop() {
	s.t.Helper()
	s.mayEnd()
	s.run.end(s.spec.stop)
	s.run = nil
}

func (s *Server) mayEnd() {
	s.t.Helper()
	switch {
	case s.shared:
		s.t.Fatalf("engine: %s is shared: other tests need it", s.spec.name)
	case s.run == nil:
		s.t.Fatalf("engine: %s does not run", s.spec.name)
	}
}

// launch makes a server of a kind: its directory, what prepare puts there, and a first start.
func launch(t testing.TB, spec spec, prepare func(s *Server)) *Server {
	t.Helper()
	dir, err := newDir(spec.name)
	if err != nil {
		t.Fatalf("engine: %v", err)
	}
	s := &Server{t: t, spec: spec, dir: dir}
	launched := false
	defer func() { // t may end in prepare
		if !launched {
			s.discard()
		}
	}()
	if prepare != nil {
		prepare(s)
	}
	for range 5 { // another program may take the port before the server does
		s.Addr = freeAddr()
		if err = s.start(); err == nil {
			launched = true
			return s
		}
		if b, _ := os.ReadFile(s.log()); !bytes.Contains(b, []byte("in use")) {
			break
		}
	}
	s.printLog()
	t.Fatalf("engine: %v", err)
	return nil
}

func (s *Server) start() error {
	if s.run != nil {
		return fmt.Errorf("%s runs already", s.spec.name)
	}
	if s.spec.configure != nil {
		if err := s.spec.configure(s); err != nil {
			return fmt.Errorf("%s: %w", s.spec.name, err)
		}
	}
	run, err := spawn(s.dir, s.log(), s.spec.argv(s))
	if err != nil {
		return fmt.Errorf("%s: %w", s.spec.name, err)
	}
	s.run = run
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := s.spec.ready(s)
		if err == nil {
			return nil
		}
		select {
		case <-run.exited:
			err = errors.New("it ended")
		default:
			if time.Since(began) < patience {
				continue
			}
		}
		run.kill()
		s.run = nil
		return fmt.Errorf("%s did not start on %s: %w", s.spec.name, s.Addr, err)
	}
}

// pidFile returns the lines of the file in which the server keeps its process id, the first of them: an error
// if that is not yet the one of the process that was started.
func (s *Server) pidFile(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(b), "\n")
	if lines[0] != strconv.Itoa(s.run.cmd.Process.Pid) {
		return nil, errors.New("it has not begun")
	}
	return lines, nil
}

// discard ends the server and removes its directory, having printed its log if its test failed.
func (s *Server) discard() {
	if s.run != nil {
		s.run.end(s.spec.stop)
		s.run = nil
	}
	s.report()
	os.RemoveAll(s.dir)
}

// report prints the server's log if its test failed.
func (s *Server) report() {
	if s.t.Failed() {
		s.printLog()
	}
}

func (s *Server) printLog() {
	b, _ := os.ReadFile(s.log())
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	s.t.Logf("the end of the log of %s on %s:\n%s", s.spec.name, s.Addr, strings.Join(lines[max(0, len(lines)-60):], "\n"))
}

func (s *Server) log() string  { return filepath.Join(s.dir, "log") }
func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) port() string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return port
}

// command runs a program to its end, as the user that the servers run as, and returns what it printed.
func (s *Server) command(argv ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	confine(cmd, s.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(argv[0]), err, out)
	}
	return string(out), nil
}

// exchange sends request to the server and returns the first bytes of its answer. An empty request waits
// for a greeting.
func (s *Server) exchange(request string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	return string(b[:n]), err
}

// freeAddr returns a loopback address that nothing listens on. The port is below those that Linux, BSD and
// macOS choose by themselves, and so is the one 10000 above it, where a node of a Redis Cluster listens too.
func freeAddr() string {
	for {
		port := 12000 + rand.IntN(10000)
		if isFree(port) && isFree(port+10000) {
			return loopback(port)
		}
	}
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err == nil {
		l.Close()
	}
	return err == nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
