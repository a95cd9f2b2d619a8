package registry_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/oauthcore/oauthcore/registry"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func argon(plain string, m, t uint32, p uint8) string {
	salt := []byte("0123456789abcdef")
	hash := argon2.IDKey([]byte(plain), salt, t, m, p, 32)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", m, t, p, enc.EncodeToString(salt), enc.EncodeToString(hash))
}

func withSecrets(hashes ...string) *registry.App {
	a := &registry.App{ID: "seats", Manifest: valid()}
	for i, h := range hashes {
		a.Secrets = append(a.Secrets, registry.Secret{ID: fmt.Sprint(i), Hash: []byte(h)})
	}
	return a
}

// R7591-3.2.1-2
func TestNewSecret(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^ocs_[A-Za-z0-9_-]{43}$`)
	seen := map[string]bool{}
	for range 1000 {
		plain, s := registry.NewSecret(start)
		if !form.MatchString(plain) {
			t.Fatalf("NewSecret: a plain secret of another form than %v", form)
		}
		if seen[plain] || seen[s.ID] {
			t.Fatal("NewSecret: the same twice")
		}
		seen[plain], seen[s.ID] = true, true
		if !s.Created.Equal(start) || !s.NotAfter.IsZero() {
			t.Errorf("NewSecret: got times %v and %v", s.Created, s.NotAfter)
		}
		if id, ok := (&registry.App{Secrets: []registry.Secret{s}}).CheckSecret(plain, start); !ok || id != s.ID {
			t.Fatalf("CheckSecret of a new secret: got %q, %v", id, ok)
		}
	}
}

func TestAppCheckSecret(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("generated elsewhere"))
	crypt, err := bcrypt.GenerateFromPassword([]byte("chosen"), 10)
	if err != nil {
		t.Fatal(err)
	}
	php := "$2y$" + string(crypt[4:])
	weak, err := bcrypt.GenerateFromPassword([]byte("chosen"), 4)
	if err != nil {
		t.Fatal(err)
	}
	empty := sha256.Sum256(nil)
	long := strings.Repeat("a", 513)
	longest, tooLong := sha256.Sum256([]byte(long[:512])), sha256.Sum256([]byte(long))
	for _, c := range []struct {
		name  string
		app   *registry.App
		plain string
		id    string // empty: refused
	}{
		{"SHA-256", withSecrets(string(sum[:])), "generated elsewhere", "0"},
		{"SHA-256 of another", withSecrets(string(sum[:])), "Generated elsewhere", ""},
		{"bcrypt", withSecrets(string(crypt)), "chosen", "0"},
		{"bcrypt as PHP writes it", withSecrets(php), "chosen", "0"},
		{"bcrypt of another", withSecrets(string(crypt)), "chosem", ""},
		{"bcrypt too weak to be kept", withSecrets(string(weak)), "chosen", ""},
		{"argon2id", withSecrets(argon("chosen", 64, 1, 1)), "chosen", "0"},
		{"argon2id with lanes and passes", withSecrets(argon("chosen", 256, 3, 4)), "chosen", "0"},
		{"argon2id of another", withSecrets(argon("chosen", 64, 1, 1)), "chose", ""},
		{"the second of two", withSecrets(string(sum[:]), argon("chosen", 64, 1, 1)), "chosen", "1"},
		{"the first of two", withSecrets(string(sum[:]), argon("chosen", 64, 1, 1)), "generated elsewhere", "0"},
		{"kept twice: all are compared, so it is the last", withSecrets(string(sum[:]), string(sum[:])), "generated elsewhere", "1"},
		{"no secret at all", withSecrets(), "chosen", ""},
		{"no secret at all, nothing said", withSecrets(), "", ""},
		{"an empty hash, nothing said", withSecrets(""), "", ""},
		{"the hash of nothing, nothing said", withSecrets(string(empty[:])), "", ""},
		{"a hash given for the secret", withSecrets(string(sum[:])), string(sum[:]), ""},
		{"a plain secret kept as one", withSecrets("chosen"), "chosen", ""},
		{"512 bytes", withSecrets(string(longest[:])), long[:512], "0"},
		{"513 bytes", withSecrets(string(tooLong[:])), long, ""},
		{"513 bytes that begin as a secret", withSecrets(string(longest[:])), long, ""},
		{"a zero App", &registry.App{}, "chosen", ""},
	} {
		if id, ok := c.app.CheckSecret(c.plain, start); id != c.id || ok != (c.id != "") {
			t.Errorf("%s: CheckSecret: got %q, %v, want %q", c.name, id, ok, c.id)
		}
	}
}

func TestAppCheckSecretEnds(t *testing.T) {
	t.Parallel()
	plain, s := registry.NewSecret(start)
	s.NotAfter = start.Add(time.Hour)
	a := registry.App{Secrets: []registry.Secret{s}}
	for _, c := range []struct {
		at   time.Duration
		want bool
	}{{0, true}, {time.Hour - 1, true}, {time.Hour, false}, {time.Hour + 1, false}} {
		if _, ok := a.CheckSecret(plain, start.Add(c.at)); ok != c.want {
			t.Errorf("CheckSecret %v after it began, with NotAfter an hour after: got %v", c.at, ok)
		}
	}
}

// Every stored hash that could exhaust the machine, or is none, is refused when it is imported and
// matches nothing if it is there all the same.
func TestSecretHashes(t *testing.T) {
	t.Parallel()
	good := argon("chosen", 64, 1, 1)
	swap := func(old, new string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in it", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	crypt, err := bcrypt.GenerateFromPassword([]byte("chosen"), 10)
	if err != nil {
		t.Fatal(err)
	}
	for name, hash := range map[string]string{
		"a gigabyte":              swap("m=64", "m=1048576"),
		"a KiB over the bound":    swap("m=64", "m=131073"),
		"too little for its lane": swap("m=64", "m=7"),
		"11 passes":               swap("t=1", "t=11"),
		"no pass":                 swap("t=1", "t=0"),
		"17 lanes":                strings.Replace(swap("p=1", "p=17"), "m=64", "m=1024", 1),
		"no lane":                 swap("p=1", "p=0"),
		"257 lanes":               strings.Replace(swap("p=1", "p=257"), "m=64", "m=65536", 1),
		"2^32+1 passes":           swap("t=1", "t=4294967297"),
		"a sign":                  swap("t=1", "t=+1"),
		"a leading zero":          swap("t=1", "t=01"),
		"another order":           swap("m=64,t=1", "t=1,m=64"),
		"a missing parameter":     swap(",p=1", ""),
		"another version":         swap("v=19", "v=16"),
		"argon2i":                 swap("argon2id", "argon2i"),
		"a short salt":            swap("MDEyMzQ1Njc4OWFiY2RlZg", "MDEyMzQ1Ng"),
		"no hash":                 good[:strings.LastIndex(good, "$")+1],
		"no part for it":          good[:strings.LastIndex(good, "$")],
		"one part more":           good + "$",
		"padding":                 good + "=",
		"a hash of 15 bytes":      good[:strings.LastIndex(good, "$")+1] + strings.Repeat("A", 20),
		"a long hash":             good + strings.Repeat("A", 64),
		"bcrypt of cost 15":       strings.Replace(string(crypt), "$10$", "$15$", 1),
		"bcrypt of cost 31":       strings.Replace(string(crypt), "$10$", "$31$", 1),
		"bcrypt of cost 9":        strings.Replace(string(crypt), "$10$", "$09$", 1),
		"bcrypt cut short":        string(crypt[:59]),
		"bcrypt with more":        string(crypt) + "a",
		"bcrypt of PHP's bug":     "$2x$" + string(crypt[4:]),
		"bcrypt without version":  "$2$" + string(crypt[4:]),
		"MD5 crypt":               "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
		"MD5":                     strings.Repeat("\x01", 16),
		"SHA-256 in hex":          strings.Repeat("0a", 32),
		"nothing":                 "",
	} {
		a := withSecrets(hash)
		err := registry.Static{*a}.Validate()
		if err == nil || !strings.Contains(err.Error(), "Secrets") {
			t.Errorf("%s: Validate: got %v, want a fault of Secrets", name, err)
		}
		if err != nil && len(hash) > 8 && strings.Contains(err.Error(), hash[len(hash)-8:]) {
			t.Errorf("%s: Validate: the error holds the hash", name)
		}
		began := time.Now()
		if _, ok := a.CheckSecret("chosen", start); ok {
			t.Errorf("%s: CheckSecret: got true", name)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: CheckSecret took %v", name, took)
		}
	}
	for name, hash := range map[string]string{"argon2id": good, "bcrypt": string(crypt), "SHA-256": strings.Repeat("$2b$", 8)} {
		if err := (registry.Static{*withSecrets(hash)}).Validate(); err != nil {
			t.Errorf("%s: Validate: %v", name, err)
		}
	}
}

func TestSecretIsNotShown(t *testing.T) {
	t.Parallel()
	hash := []byte("0123456789abcdefghijklmnopqrstuv")
	s := registry.Secret{ID: "one", Hash: hash}
	a := registry.App{ID: "seats", Secrets: []registry.Secret{s}}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "secret", s, "pointer", &s, "app", a)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "secret", s, "pointer", &s, "app", a)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%T"} {
		fmt.Fprintf(&log, verb+" "+verb+" "+verb+" "+verb+"\n", s, &s, a, &a)
	}
	for _, v := range []any{s, a, &a} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		log.Write(b)
	}
	for _, form := range []string{string(hash), hex.EncodeToString(hash), strings.ToUpper(hex.EncodeToString(hash)),
		base64.StdEncoding.EncodeToString(hash), fmt.Sprint(hash), fmt.Sprintf("%#v", hash), fmt.Sprintf("%d", hash), "48 49 50"} {
		if strings.Contains(log.String(), form) {
			t.Errorf("the hash is shown as %.20q in:\n%s", form, log.String())
		}
	}
	if !strings.Contains(log.String(), "Secret(one)") {
		t.Errorf("the ID is not shown in:\n%s", log.String())
	}
}

// FuzzSecretHash holds that no stored hash makes CheckSecret panic or allocate without bound, and that
// what matches has been accepted.
func FuzzSecretHash(f *testing.F) {
	f.Add([]byte(argon("chosen", 64, 1, 1)))
	f.Add([]byte("$argon2id$v=19$m=8,t=1,p=1$$"))
	f.Add([]byte("$2b$10$"))
	f.Add([]byte("$2"))
	f.Add(make([]byte, 32))
	f.Fuzz(func(t *testing.T, hash []byte) {
		a := withSecrets(string(hash))
		accepted := (registry.Static{*a}).Validate() == nil
		if accepted && len(hash) != 32 {
			return // costs what it was made to cost
		}
		if _, ok := a.CheckSecret("chosen", start); ok && !accepted {
			t.Fatalf("CheckSecret matches %q, which Validate refuses", hash)
		}
	})
}

func TestAppCheckSecretAllocations(t *testing.T) {
	plain, s := registry.NewSecret(start)
	_, other := registry.NewSecret(start)
	a := registry.App{Secrets: []registry.Secret{s, other}}
	if n := testing.AllocsPerRun(100, func() { a.CheckSecret(plain, start) }); n > 0 {
		t.Errorf("CheckSecret: got %v allocations, want none", n)
	}
}

func BenchmarkAppCheckSecret(b *testing.B) {
	plain, s := registry.NewSecret(start)
	_, other := registry.NewSecret(start)
	a := registry.App{Secrets: []registry.Secret{other, s}}
	for b.Loop() {
		if _, ok := a.CheckSecret(plain, start); !ok {
			b.Fatal("refused")
		}
	}
}
