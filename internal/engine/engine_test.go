//go:build unix

package engine_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/internal/recorder"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	pg := engine.Postgres(t, &engine.Config{Settings: []string{"lock_timeout=12345"}})

	t.Run("runs with the settings asked for and durable", func(t *testing.T) {
		for name, want := range map[string]string{
			"lock_timeout": "12345ms", "fsync": "on", "synchronous_commit": "on", "server_encoding": "UTF8", "lc_collate": "C.UTF-8",
		} {
			if got := pg.Query("SHOW " + name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	})

	pg.Query("CREATE TABLE kept (n int)")
	pg.Query("INSERT INTO kept VALUES (7)")
	check := func(t *testing.T) {
		t.Helper()
		addr := pg.Addr
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("%s still listens", addr)
		}
		pg.Start()
		if got := pg.Query("SELECT n FROM kept"); got != "7" || pg.Addr != addr {
			t.Errorf("got %q on %s, want 7 on %s", got, pg.Addr, addr)
		}
	}

	t.Run("killed, it is gone with its children and starts again with its data", func(t *testing.T) {
		conn, err := net.Dial("tcp", pg.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		io.WriteString(conn, "\x00\x00\x00\x08\x04\xd2\x16\x2f") // so that a child has it in hand
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		pg.Kill()
		if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("a connection outlived the server: %v", err)
		}
		check(t)
	})

	t.Run("stopped, it starts again with its data", func(t *testing.T) {
		pg.Stop()
		check(t)
	})
}

func TestStandby(t *testing.T) {
	t.Parallel()
	primary := engine.Postgres(t, nil)
	primary.Query("CREATE TABLE kept (n int)")
	standby := engine.Standby(t, primary, nil)
	primary.Query("INSERT INTO kept VALUES (7)")
	primary.Kill()
	standby.Promote()
	standby.Query("INSERT INTO kept VALUES (8)")
	if got := standby.Query("SELECT string_agg(n::text, ',' ORDER BY n) FROM kept"); got != "7,8" {
		t.Errorf("after promotion: got %q, want 7,8", got)
	}
}

func TestPgBouncer(t *testing.T) {
	t.Parallel()
	pg := engine.Postgres(t, &engine.Config{Shared: true})
	bouncer := engine.PgBouncer(t, pg, &engine.Config{Settings: []string{"default_pool_size=1"}})
	if got := bouncer.Query("SHOW port"); !strings.HasSuffix(pg.Addr, ":"+got) {
		t.Errorf("through PgBouncer on %s: reached the server on port %s, want the one on %s", bouncer.Addr, got, pg.Addr)
	}
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	db := engine.MariaDB(t, nil)
	if want := "root@tcp(" + db.Addr + ")/test?"; db.DSN("test") != want {
		t.Errorf("DSN: got %q, want %q", db.DSN("test"), want)
	}
	db.Kill()
	db.Start()
}

func TestRedis(t *testing.T) {
	t.Parallel()
	r := engine.Redis(t, &engine.Config{Settings: []string{"appendonly=yes", "appendfsync=always", "save="}})
	if got := redis(t, r.Addr, "SET kept 7"); got != "+OK" {
		t.Fatalf("SET: got %q", got)
	}
	r.Kill()
	r.Start()
	if redis(t, r.Addr, "GET kept") != "$1" {
		t.Error("an acknowledged write was lost")
	}
}

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	nodes := engine.RedisCluster(t, nil)
	if len(nodes) != 6 {
		t.Fatalf("got %d nodes, want 6", len(nodes))
	}
	ok, moved := 0, 0
	for i := range 50 {
		switch got := redis(t, nodes[0].Addr, fmt.Sprintf("SET key%d 1", i)); {
		case got == "+OK":
			ok++
		case strings.HasPrefix(got, "-MOVED "):
			moved++
		default:
			t.Fatalf("SET: got %q", got)
		}
	}
	if ok == 0 || moved == 0 {
		t.Errorf("of 50 keys %d are on the first node and %d elsewhere, want some of both", ok, moved)
	}
}

func TestSharedServerIsStartedOnce(t *testing.T) {
	a := engine.Redis(t, &engine.Config{Shared: true, Settings: []string{"save="}})
	b := engine.Redis(t, &engine.Config{Shared: true, Settings: []string{"save="}})
	c := engine.Redis(t, &engine.Config{Shared: true, Settings: []string{"save=", "appendonly=yes"}})
	if a.Addr != b.Addr || a.Addr == c.Addr {
		t.Errorf("got %s, %s and with other settings %s", a.Addr, b.Addr, c.Addr)
	}
	got := recorder.Record(t, func(t testing.TB) {
		engine.Redis(t, &engine.Config{Shared: true, Settings: []string{"save="}}).Kill()
	})
	if !got.Failed || !strings.Contains(got.Log, "redis is shared") {
		t.Errorf("killing a shared server: got %+v, want a failure that says so", got)
	}
}

// TestForeignServerIsNotTakenForOnes lets another program have the port of a server while that is down, which
// answers as a server of that kind.
func TestForeignServerIsNotTakenForOnes(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		start        func(t testing.TB) *engine.Server
	}{
		{"PostgreSQL", "N", func(t testing.TB) *engine.Server { return engine.Postgres(t, nil) }},
		{"PgBouncer", "N", func(t testing.TB) *engine.Server {
			return engine.PgBouncer(t, engine.Postgres(t, &engine.Config{Shared: true}), nil)
		}},
		{"MariaDB", "\x05\x00\x00\x00\x0a", func(t testing.TB) *engine.Server { return engine.MariaDB(t, nil) }},
		{"Redis", "+PONG\r\n\r\nprocess_id:1\r\n\r\n+PONG\r\n", func(t testing.TB) *engine.Server { return engine.Redis(t, nil) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			started := false
			got := recorder.Record(t, func(t testing.TB) {
				s := test.start(t)
				s.Kill()
				l, err := net.Listen("tcp", s.Addr)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				go func() {
					for {
						conn, err := l.Accept()
						if err != nil {
							return
						}
						io.WriteString(conn, test.answer)
						go func() {
							defer conn.Close()
							io.Copy(io.Discard, conn)
						}()
					}
				}()
				s.Start()
				started = true
			})
			if got.Skipped {
				t.Skip(got.Log)
			}
			if started || !strings.Contains(got.Log, "did not start on") {
				t.Errorf("got %+v, want a failure to start", got)
			}
		})
	}
}

// TestServersEndWithTheBinary starts this test in a process of its own, kills that, and watches the server go.
func TestServersEndWithTheBinary(t *testing.T) {
	if os.Getenv("ENGINE_CHILD") != "" {
		pg := engine.Postgres(t, nil)
		fmt.Println("addr", pg.Addr)
		select {}
	}
	t.Parallel()
	engine.Postgres(t, &engine.Config{Shared: true}) // skips where there is none
	child := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), "ENGINE_CHILD=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	addr := ""
	for lines := bufio.NewScanner(out); addr == "" && lines.Scan(); {
		addr, _ = strings.CutPrefix(lines.Text(), "addr ")
	}
	child.Process.Kill()
	child.Wait()
	if addr == "" {
		t.Fatal("the child said no address")
	}
	for range 1000 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		c.Close()
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s still listens", addr)
}

func TestMissingPrograms(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	start := func(t testing.TB) { engine.Redis(t, nil) }

	t.Setenv("OAUTHCORE_REQUIRE", "postgres,mariadb")
	if got := recorder.Record(t, start); got.Failed || !got.Skipped || !strings.Contains(got.Log, "redis is not installed") {
		t.Errorf("without redis-server: got %+v, want a skip that says so", got)
	}
	t.Setenv("OAUTHCORE_REQUIRE", "postgres,redis")
	if got := recorder.Record(t, start); !got.Failed || !strings.Contains(got.Log, "OAUTHCORE_REQUIRE names redis") {
		t.Errorf("without redis-server, which is required: got %+v, want a failure that says so", got)
	}
}

func TestFaultsFailTheTest(t *testing.T) {
	for _, test := range []struct {
		name, want string
		f          func(t testing.TB)
	}{
		{"a server that does not start, with its log", "no-such-setting", func(t testing.TB) {
			engine.Redis(t, &engine.Config{Settings: []string{"no-such-setting=1"}})
		}},
		{"killing what does not run", "redis does not run", func(t testing.TB) {
			r := engine.Redis(t, nil)
			r.Kill()
			r.Kill()
		}},
		{"stopping what does not run", "redis does not run", func(t testing.TB) {
			r := engine.Redis(t, nil)
			r.Stop()
			r.Stop()
		}},
		{"starting what runs", "redis runs already", func(t testing.TB) { engine.Redis(t, nil).Start() }},
		{"a statement that is wrong", "syntax error", func(t testing.TB) { engine.Postgres(t, nil).Query("SELEKT") }},
		{"anything else, with the log of the server", "Ready to accept connections", func(t testing.TB) {
			engine.Redis(t, nil)
			t.Error("anything else")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := recorder.Record(t, test.f)
			if got.Skipped {
				t.Skip(got.Log)
			}
			if !got.Failed || !strings.Contains(got.Log, test.want) {
				t.Errorf("got %+v, want a failure that says %q", got, test.want)
			}
		})
	}
}

// redis returns the first line of the answer to a command.
func redis(t *testing.T, addr, command string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "%s\r\n", command)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(line)
}
