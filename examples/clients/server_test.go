package clients_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the path of the built server.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "clients")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "appregistry")
	build := exec.Command("go", "build", "-o", program)
	if raceEnabled {
		build.Args = append(build.Args, "-race")
	}
	build.Args = append(build.Args, ".")
	build.Dir = filepath.Join("..", "appregistry")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the server: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// server is a running process of examples/appregistry.
type server struct {
	issuer string
	log    bytes.Buffer // to be read after stop
	stop   func()       // ends the process
}

// Addresses of the server.
func (s *server) authorizeURL() string  { return s.issuer + "/app-registry/v1/oauth/authorize" }
func (s *server) tokenURL() string      { return s.issuer + "/app-registry/v1/oauth/token" }
func (s *server) introspectURL() string { return s.issuer + "/app-registry/v1/oauth/introspect" }
func (s *server) revokeURL() string     { return s.issuer + "/app-registry/v1/oauth/revoke" }
func (s *server) audience() string      { return s.issuer + "/api" }

// start runs the server with a configuration until the test ends. Then it must stop by itself when it is
// told to, which it does not if the race detector found something.
func start(t *testing.T, config map[string]any) *server {
	t.Helper()
	return startAt(t, config, "127.0.0.1:0")
}

func startAt(t *testing.T, config map[string]any, addr string) *server {
	t.Helper()
	doc, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	s := new(server)
	cmd := exec.Command(program, "-addr", addr, "-config", file)
	cmd.Stderr = &s.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	s.stop = sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-exited:
			if err != nil {
				t.Errorf("the server ended with %v; its log:\n%s", err, s.log.String())
			}
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-exited
			t.Errorf("the server did not stop; its log:\n%s", s.log.String())
		}
	})
	t.Cleanup(s.stop)
	lines := bufio.NewScanner(stdout)
	for s.issuer == "" && lines.Scan() {
		s.issuer, _ = strings.CutPrefix(lines.Text(), "Listening on ")
	}
	if issuer, ok := config["issuer"].(string); ok && s.issuer != "" {
		s.issuer = issuer
	}
	go func() {
		io.Copy(io.Discard, stdout)
		exited <- cmd.Wait()
	}()
	if s.issuer == "" {
		s.stop()
		t.Fatal("the server named no address")
	}
	return s
}
