package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	module = "github.com/oauthcore/oauthcore"
	root   = "../.." // from here, where tests run
)

// listed is what the go command says of one package.
type listed struct {
	ImportPath   string
	Dir          string
	Export       string // file of its export data
	Standard     bool
	Module       *struct{ Path string }
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// rel is the package's path in the module, "" for the root.
func (p *listed) rel() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// libraries are the modules that hosts import, as go list's patterns.
var libraries = []string{"./...", "./store/redisstore/...", "./store/sqlstore/..."}

// list returns the packages of the libraries and all they need.
var list = sync.OnceValues(func() ([]*listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-deps", "-export",
		"-json=ImportPath,Dir,Export,Standard,Module,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports,Deps"}, libraries...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(stderr.String()))
	}
	var all []*listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := dec.Decode(p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// packages returns the packages of the libraries.
func packages(t *testing.T) []*listed {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var ours []*listed
	for _, p := range all {
		if p.ImportPath == module || strings.HasPrefix(p.ImportPath, module+"/") {
			ours = append(ours, p)
		}
	}
	if len(ours) < 10 {
		t.Fatalf("go list: got %d packages of %s, want more", len(ours), module)
	}
	slices.SortFunc(ours, func(a, b *listed) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return ours
}

// isPublic reports whether hosts can import rel.
func isPublic(rel string) bool {
	return rel != "" && !strings.Contains("/"+rel, "/internal/") && !strings.HasPrefix(rel, "examples/")
}

// walk calls f for every file of the repository with its slash-separated path, leaving out dot folders.
func walk(t *testing.T, f func(path string)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && strings.HasPrefix(d.Name(), ".") && d.Name() != ".ci":
			return fs.SkipDir
		case !d.IsDir():
			f(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// read returns a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
