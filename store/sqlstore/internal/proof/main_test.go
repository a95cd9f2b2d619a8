package proof_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/oauthcore/oauthcore/internal/engine"
	"github.com/oauthcore/oauthcore/registry"
	"github.com/oauthcore/oauthcore/store"
	"github.com/oauthcore/oauthcore/store/sqlstore"
	"github.com/oauthcore/oauthcore/token"
)

const clientSecret = "0123456789abcdef0123456789abcdef"

// nodeVariable makes this binary a node, and holds its configuration.
const nodeVariable = "OAUTHCORE_PROOF_NODE"

func TestMain(m *testing.M) {
	if config := os.Getenv(nodeVariable); config != "" {
		fmt.Fprintln(os.Stderr, serve(config))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func newKey(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// openStore opens the store in a database, and creates it there if need be.
func openStore(ctx context.Context, dsn string) (store.Store, *sql.DB, error) {
	driver, dialect := "pgx", sqlstore.PostgreSQL
	if strings.HasPrefix(dsn, "file:") {
		driver, dialect = "sqlite", sqlstore.SQLite
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	st, err := sqlstore.Open(ctx, db, dialect, &sqlstore.Options{Create: true})
	if err != nil {
		db.Close()
	}
	return st, db, err
}

// databases are where a process or two keep their records: a name, and a way to get a new one.
var databases = []struct {
	name string
	make func(t testing.TB) (dsn string)
}{
	{"PostgreSQL", func(t testing.TB) string {
		pg := engine.Postgres(t, &engine.Config{Shared: true})
		name := strings.ToLower(rand.Text())
		pg.Query(`CREATE DATABASE "` + name + `"`)
		return pg.DSN(name)
	}},
	{"SQLite", func(t testing.TB) string {
		return "file:" + filepath.Join(t.TempDir(), "db") + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	}},
}

// newSystem prepares a database with three apps: web has a secret, machine signs assertions with the keys
// returned, and bot, which has a secret too, gets refresh tokens for itself.
func newSystem(t testing.TB, dsn string) (system, *token.Keys) {
	t.Helper()
	key, err := token.ParseKey(newKey(t))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := token.NewKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	sys := system{DSN: dsn, Secret: make([]byte, 32), Key: newKey(t)}
	rand.Read(sys.Secret)
	st, db, err := openStore(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	reg, err := registry.New(registry.Config{Store: st})
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(clientSecret))
	web, machine, bot := newApp("web"), newApp("machine"), newApp("bot")
	web.Secrets = []registry.Secret{{ID: "1", Hash: hash[:]}}
	bot.Secrets = web.Secrets
	bot.Policy.InsecureRefreshForClientCredentials = true
	machine.Manifest.AuthMethod = "private_key_jwt"
	machine.Manifest.JWKS = keys.JWKS(time.Now())
	for _, app := range []*registry.App{web, machine, bot} {
		if err := reg.Create(t.Context(), app); err != nil {
			t.Fatal(err)
		}
	}
	return sys, keys
}

func newApp(id string) *registry.App {
	return &registry.App{ID: id, Owner: "dana", Tenant: "startup", Shared: true, Manifest: registry.Manifest{
		Name: "App", RedirectURIs: []string{callback}, Scopes: []string{"read"},
		GrantTypes: []string{"authorization_code", "refresh_token", "client_credentials", hostGrant}}}
}
