package house

import (
	"flag"
	"fmt"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/api.txt instead of comparing with it")

// TestExportedAPI compares what the packages export with the record of it, so that every change of the
// API shows in review.
func TestExportedAPI(t *testing.T) {
	imp := exports(t)
	var b strings.Builder
	b.WriteString("# The exported API. To record a change: go test ./internal/house -update\n")
	var names int
	var lines []string
	for _, p := range packages(t) {
		rel := p.rel()
		if !isPublic(rel) {
			continue
		}
		pkg, err := imp.Import(p.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		n, ls := api(rel, pkg)
		fmt.Fprintf(&b, "# %s: %d names\n", rel, n)
		names += n
		lines = append(lines, ls...)
	}
	fmt.Fprintf(&b, "# in all: %d names\n", names)
	t.Logf("%d exported names", names)
	slices.Sort(lines)
	got := b.String() + strings.Join(lines, "\n") + "\n"

	const file = "testdata/api.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	b2, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(b2), "\n")
	have := strings.Split(got, "\n")
	for _, l := range have {
		if !slices.Contains(want, l) {
			t.Errorf("new:  %s", l)
		}
	}
	for _, l := range want {
		if !slices.Contains(have, l) {
			t.Errorf("gone: %s", l)
		}
	}
	if t.Failed() {
		t.Log("go test ./internal/house -update records the change")
	}
}

// api returns how many names pkg exports, and a line for each with its fields and methods.
func api(rel string, pkg *types.Package) (n int, lines []string) {
	qualify := func(p *types.Package) string {
		if p == pkg {
			return ""
		}
		return p.Name()
	}
	add := func(format string, args ...any) {
		lines = append(lines, rel+": "+fmt.Sprintf(format, args...))
	}
	for _, name := range pkg.Scope().Names() {
		o := pkg.Scope().Lookup(name)
		if !o.Exported() {
			continue
		}
		n++
		tn, isType := o.(*types.TypeName)
		if !isType {
			if c, ok := o.(*types.Const); ok {
				add("%s = %s", types.ObjectString(o, qualify), c.Val())
			} else {
				add("%s", types.ObjectString(o, qualify))
			}
			continue
		}
		if tn.IsAlias() {
			add("%s", types.ObjectString(o, qualify))
			continue
		}
		switch u := o.Type().Underlying().(type) {
		case *types.Struct:
			add("type %s struct", name)
			for f := range u.Fields() {
				if f.Exported() {
					add("type %s struct, %s %s", name, f.Name(), types.TypeString(f.Type(), qualify))
				}
			}
		case *types.Interface:
			add("type %s interface", name)
			for m := range u.Methods() {
				add("type %s interface, %s%s", name, m.Name(), signature(m, qualify))
			}
			continue
		default:
			add("type %s %s", name, types.TypeString(u, qualify))
		}
		for s := range types.NewMethodSet(types.NewPointer(o.Type())).Methods() {
			if m := s.Obj().(*types.Func); m.Exported() {
				recv := types.TypeString(m.Signature().Recv().Type(), qualify)
				add("method (%s) %s%s", recv, m.Name(), signature(m, qualify))
			}
		}
	}
	return n, lines
}

// signature returns the parameters and results of m.
func signature(m *types.Func, q types.Qualifier) string {
	return strings.TrimPrefix(types.TypeString(m.Signature(), q), "func")
}
