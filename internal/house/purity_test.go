package house

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// impure are the exceptions to TestPackagesArePure: "package.function rule" to the reason.
var impure = map[string]string{
	"internal/jose.start goroutine": "one fetch of five seconds serves all who wait for it, so none of them may end it",
	"store/sqlstore.attempt clock":  "it measures its own patience, which no record rests on",
	"store.Probe clock":             "it has no configuration, and what it leaves behind must expire",
}

// TestPackagesArePure holds that no package of the library has global state, an init, a goroutine that the
// caller did not ask for, the environment, or a clock but Now.
func TestPackagesArePure(t *testing.T) {
	imp := exports(t)
	needed := make(map[string]bool)
	for _, p := range packages(t) {
		rel := p.rel()
		if rel == "internal/house" || slices.Contains(forTests, rel) || strings.HasPrefix(rel, "examples/") {
			continue
		}
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		faults(t, imp, p.ImportPath, fset, files, func(at token.Pos, where, rule string) {
			key := rel + "." + where + " " + rule
			if needed[key] = true; impure[key] != "" {
				return
			}
			pos := fset.Position(at)
			t.Errorf("%s/%s:%d: %s (%q)", rel, filepath.Base(pos.Filename), pos.Line, rule, key)
		})
	}
	for key := range impure {
		if !needed[key] {
			t.Errorf("the exception %q is not needed", key)
		}
	}
}

func TestPurityFindsEveryFault(t *testing.T) {
	const src = `package p

import ("os"; "sync"; "time")

type config struct { now func() time.Time }

var (
	once   sync.Once
	table  = map[string]int{}
	prefix = "p: "
)

func init()           {}
func start()          { go stop() }
func stop()           { once.Do(start) }
func env() string     { return os.Getenv("HOME") }
func clock()          { _ = time.Now() }
func age(t time.Time) { _ = time.Since(t) }
func write()          { table["a"]++ }
func assign()         { prefix = "" }
func address() *string { return &prefix }
func good(c config)   { if c.now == nil { c.now = time.Now }; prefix := prefix; prefix += "x" }
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	faults(t, exports(t), "p", fset, []*ast.File{f}, func(_ token.Pos, where, rule string) {
		got = append(got, where+" "+rule)
	})
	want := []string{"init init", "start goroutine", "stop global state", "env environment", "clock clock", "age clock",
		"write global state", "assign global state", "address global state"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// faults reports what the files of a package do that a pure package does not, and in which function.
func faults(t *testing.T, imp types.Importer, path string, fset *token.FileSet, files []*ast.File, report func(at token.Pos, where, rule string)) {
	t.Helper()
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object), Selections: make(map[*ast.SelectorExpr]*types.Selection)}
	pkg, err := (&types.Config{Importer: imp}).Check(path, fset, files, info)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, d := range f.Decls {
			where := "var"
			if fd, ok := d.(*ast.FuncDecl); ok {
				where = fd.Name.Name
			}
			inspect(pkg, info, d, func(at token.Pos, rule string) { report(at, where, rule) })
		}
	}
}

// inspect reports the faults of one declaration.
func inspect(pkg *types.Package, info *types.Info, d ast.Decl, report func(token.Pos, string)) {
	defaults := make(map[ast.Node]bool) // what is assigned where a nil is defaulted
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				report(n.Pos(), "init")
			}
		case *ast.GoStmt:
			report(n.Pos(), "goroutine")
		case *ast.IfStmt:
			if c, ok := n.Cond.(*ast.BinaryExpr); ok && c.Op == token.EQL && isNil(c.Y) {
				for _, s := range n.Body.List {
					if a, ok := s.(*ast.AssignStmt); ok && len(a.Rhs) == 1 {
						defaults[a.Rhs[0]] = true
					}
				}
			}
		case *ast.SelectorExpr:
			switch o := info.Uses[n.Sel]; {
			case is(o, "time", "Now", "Since", "Until") && !defaults[n]:
				report(n.Pos(), "clock")
			case is(o, "os", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Args"):
				report(n.Pos(), "environment")
			}
			// A method with a pointer receiver may change the variable it is called on.
			if s := info.Selections[n]; s != nil && s.Kind() == types.MethodVal {
				if _, ptr := s.Obj().(*types.Func).Signature().Recv().Type().(*types.Pointer); ptr {
					if _, ptr := s.Recv().(*types.Pointer); !ptr {
						global(pkg, info, n.X, report)
					}
				}
			}
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, l := range n.Lhs {
					global(pkg, info, l, report)
				}
			}
		case *ast.IncDecStmt:
			global(pkg, info, n.X, report)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				global(pkg, info, n.X, report)
			}
		}
		return true
	})
}

// global reports e if it is a variable of the package, or a part of one.
func global(pkg *types.Package, info *types.Info, e ast.Expr, report func(token.Pos, string)) {
	for {
		switch x := e.(type) {
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.Ident:
			if v, ok := info.Uses[x].(*types.Var); ok && v.Parent() == pkg.Scope() {
				report(x.Pos(), "global state")
			}
			return
		default:
			return
		}
	}
}

func isNil(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "nil"
}

func is(o types.Object, pkg string, names ...string) bool {
	if o == nil || o.Pkg() == nil || o.Pkg().Path() != pkg {
		return false
	}
	return slices.Contains(names, o.Name())
}

// exports returns an importer of what the go command built.
func exports(t *testing.T) types.Importer {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files := make(map[string]string)
	for _, p := range all {
		files[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("no export data for %q", path)
		}
		return os.Open(files[path])
	})
}
