//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/oauthcore/oauthcore/internal/engine"
)

// TestMain is the program itself when a test starts this binary again.
func TestMain(m *testing.M) {
	if os.Getenv("BACKENDS") != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program is this binary as the program.
func program(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "BACKENDS=1")
	return cmd
}

// issuer is that of all servers, wherever they listen.
const issuer = "http://127.0.0.1:8080"

// server is a running program.
type server struct {
	t   *testing.T
	url string // where it listens
	cmd *exec.Cmd
	log *bytes.Buffer
}

var listening = regexp.MustCompile(`Listening on (http://\S+)`)

// start runs the program until it listens.
func start(t *testing.T, store, secrets string) *server {
	t.Helper()
	s := &server{t: t, cmd: program(t, "-addr", "127.0.0.1:0", "-issuer", issuer, "-secrets", secrets), log: new(bytes.Buffer)}
	s.cmd.Env = append(s.cmd.Env, "OAUTH_STORE="+store)
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.end(os.Kill) })
	lines := bufio.NewReader(out)
	first, _ := lines.ReadString('\n')
	if m := listening.FindStringSubmatch(first); m != nil {
		s.url = m[1]
	} else {
		err := s.end(os.Kill)
		t.Fatalf("the program began with %q, ended with %v, and said\n%s", first, err, s.log)
	}
	go io.Copy(io.Discard, lines)
	return s
}

// end ends the program by a signal, if it has not ended, and returns what became of it.
func (s *server) end(sig os.Signal) error {
	if s.cmd.ProcessState != nil {
		return nil
	}
	s.cmd.Process.Signal(sig)
	return s.cmd.Wait()
}

// post is a request of the app. It returns the answer's members.
func (s *server) post(path string, form url.Values) map[string]any {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth(clientID, clientSecret)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: status %d, %v, want 200", path, resp.StatusCode, err)
	}
	var members map[string]any
	if len(body) > 0 {
		if err := json.Unmarshal(body, &members); err != nil {
			s.t.Fatalf("%s: %v", path, err)
		}
	}
	return members
}

func (s *server) token() string {
	s.t.Helper()
	tok, _ := s.post("/token", url.Values{"grant_type": {"client_credentials"}})["access_token"].(string)
	if tok == "" {
		s.t.Fatal("the answer of the token endpoint has no access token")
	}
	return tok
}

// want fails the test unless the token is active, or is not.
func (s *server) want(when, name, tok string, active bool) {
	s.t.Helper()
	if got := s.post("/introspect", url.Values{"token": {tok}})["active"]; got != active {
		s.t.Errorf("%s, the token %s has active %v, want %v", when, name, got, active)
	}
}

// jwks returns the published keys.
func (s *server) jwks() string {
	s.t.Helper()
	resp, err := http.Get(s.url + "/jwks")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), `"kid"`) {
		s.t.Fatalf("/jwks: status %d, %v, and no key", resp.StatusCode, err)
	}
	return string(body)
}

var redisConf = &engine.Config{Settings: []string{"appendonly=yes", "appendfsync=always"}}

func TestBackends(t *testing.T) {
	const forgets, alone = true, true
	for _, c := range []struct {
		name    string
		address func(*testing.T) string
		forgets bool // all records are gone with the process
		alone   bool // one process has the store at a time
	}{
		{"memory", func(*testing.T) string { return "memory" }, forgets, alone},
		{"SQLite", func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "oauth.db") }, !forgets, !alone},
		{"bolt", func(t *testing.T) string { return "bolt:" + filepath.Join(t.TempDir(), "oauth.bolt") }, !forgets, alone},
		{"PostgreSQL", func(t *testing.T) string { return engine.Postgres(t, nil).DSN("postgres") }, !forgets, !alone},
		{"PostgreSQL behind a proxy", func(t *testing.T) string {
			return engine.PgBouncer(t, engine.Postgres(t, nil), nil).DSN("postgres") + "&default_query_exec_mode=exec"
		}, !forgets, !alone},
		{"MariaDB", func(t *testing.T) string { return "mysql:" + engine.MariaDB(t, nil).DSN("test") }, !forgets, !alone},
		{"Redis", func(t *testing.T) string { return engine.Redis(t, redisConf).DSN("0") }, !forgets, !alone},
		{"Redis Cluster", func(t *testing.T) string { return "cluster:redis://" + engine.RedisCluster(t, redisConf)[0].Addr }, !forgets, !alone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address, secrets := c.address(t), filepath.Join(t.TempDir(), "secrets.pem")

			s := start(t, address, secrets)
			kept, revoked, keys := s.token(), s.token(), s.jwks()
			s.want("at first", "revoked", revoked, true)
			s.post("/revoke", url.Values{"token": {revoked}})
			s.want("before the restart", "kept", kept, true)
			s.want("before the restart", "revoked", revoked, false)
			if !c.alone {
				other := start(t, address, secrets)
				other.want("at a second server", "kept", kept, true)
				other.want("at a second server", "revoked", revoked, false)
				other.post("/revoke", url.Values{"token": {kept}})
				s.want("revoked by a second server", "kept", kept, false)
				kept = other.token()
				other.end(os.Kill)
			}
			s.end(os.Kill) // what was answered must be in the store: there is no good-bye

			s = start(t, address, secrets)
			s.want("after the restart", "kept", kept, true)
			s.want("after the restart", "revoked", revoked, c.forgets)
			if again := s.jwks(); again != keys {
				t.Errorf("after the restart, /jwks has other keys\n got %s\nwant %s", again, keys)
			}
			if err := s.end(syscall.SIGTERM); err != nil {
				t.Errorf("at SIGTERM the program ends with %v, want nil; it said\n%s", err, s.log)
			}

			s = start(t, address, filepath.Join(t.TempDir(), "other.pem"))
			s.want("with other secrets", "kept", kept, false)
		})
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := filepath.Join(dir, "secrets.pem")
	if _, err := loadSecrets(good); err != nil {
		t.Fatalf("loadSecrets of a new file: %v", err)
	}
	pem, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	key, ring, _ := strings.Cut(string(pem), "-----BEGIN "+secretBlock)
	ring = "-----BEGIN " + secretBlock + ring
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := ln.Addr().String() // nobody listens there any more
	ln.Close()

	for _, c := range []struct {
		name           string
		store, secrets string
		want           string
	}{
		{"an unknown store", "oracle:hunter2@db", good, "unknown kind of store"},
		{"a durable store without secrets", "bolt:" + filepath.Join(dir, "a.bolt"), "", "needs -secrets"},
		{"secrets without a key", "memory", write("ring.pem", ring), "nor PEM with a private key"},
		{"secrets without the ring", "memory", write("key.pem", key), "no PEM block"},
		{"secrets in a folder that is not there", "memory", filepath.Join(dir, "no", "secrets.pem"), "no such file"},
		{"a PostgreSQL that does not answer", "postgres://u:hunter2@" + nobody + "/db", good, "refused"},
		{"a MariaDB that does not answer", "mysql:u:hunter2@tcp(" + nobody + ")/db", good, "refused"},
		{"a Redis that does not answer", "redis://u:hunter2@" + nobody + "/0", good, "refused"},
		{"a Redis Cluster that does not answer", "cluster:redis://u:hunter2@" + nobody, good, "refused"},
		{"a bad URL of PostgreSQL", "postgres://u:hunter2@[/db", good, "postgres"},
		{"a bad name of MariaDB", "mysql:u:hunter2", good, "not a data source name"},
		{"a bad URL of Redis", "redis://u:hunter2@[", good, "not a URL"},
		{"a bad URL of Redis Cluster", "cluster:redis://u:hunter2@[", good, "not a URL"},
		{"a SQLite file in a folder that is not there", "sqlite:" + filepath.Join(dir, "no", "oauth.db"), good, "unable to open"},
		{"a bolt file that is none", "bolt:" + good, good, "invalid database"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := program(t, "-store", c.store, "-secrets", c.secrets)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("the program ends with %v, want an error with %q; it said\n%s", err, c.want, out)
			}
			for _, secret := range []string{"hunter2", firstLine(key), firstLine(ring)} {
				if strings.Contains(string(out), secret) {
					t.Error("the program prints a password or a secret")
				}
			}
		})
	}
}

// firstLine returns the first line inside a PEM block.
func firstLine(block string) string { return strings.Split(block, "\n")[1] }

func TestSecrets(t *testing.T) {
	t.Run("are for the owner only", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "secrets.pem")
		if _, err := loadSecrets(file); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file of secrets has mode %v, %v, want 0600", info.Mode(), err)
		}
	})
	t.Run("can be a ring", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "secrets.pem")
		old, err := loadSecrets(file)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fresh := newSecrets()
		fresh = fresh[bytes.Index(fresh, []byte("-----BEGIN "+secretBlock)):]
		if err := os.WriteFile(file, append(fresh, data...), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := loadSecrets(file)
		if err != nil || len(s.ring) != 2 || !bytes.Equal(s.ring[1], old.ring[0]) {
			t.Errorf("loadSecrets = %d secrets, %v, want the new one and then the old one", len(s.ring), err)
		}
	})
	t.Run("differ without a file", func(t *testing.T) {
		a, err1 := loadSecrets("")
		b, err2 := loadSecrets("")
		if err1 != nil || err2 != nil || bytes.Equal(a.ring[0], b.ring[0]) {
			t.Errorf("loadSecrets twice = %v, %v, with equal secrets %t", err1, err2, bytes.Equal(a.ring[0], b.ring[0]))
		}
	})
	t.Run("are the same for all who start together", func(t *testing.T) { // or they do not start
		file := filepath.Join(t.TempDir(), "secrets.pem")
		var mu sync.Mutex
		rings := make(map[string]int)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				s, err := loadSecrets(file)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					rings[string(s.ring[0])]++
				}
			})
		}
		all.Wait()
		if len(rings) != 1 {
			t.Errorf("%d secrets were loaded of one file, want one", len(rings))
		}
	})
}
