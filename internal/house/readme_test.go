package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// fence returns the contents of the README's code blocks of one language.
func fence(t *testing.T, language string) []string {
	t.Helper()
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```\n").FindAllStringSubmatch(read(t, "README.md"), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("README.md: no code block of %s", language)
	}
	return blocks
}

func TestREADMEProgram(t *testing.T) {
	program := read(t, "examples/quickstart/main.go")
	if fence(t, "go")[0] != program {
		t.Error("the first program of README.md is not examples/quickstart/main.go: copy it")
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "main.go", program, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if fd, ok := d.(*ast.FuncDecl); ok && fd.Name.Name == "main" {
			if n := fset.Position(fd.End()).Line - fset.Position(fd.Pos()).Line - 1; n > 25 {
				t.Errorf("main has %d lines, want at most 25", n)
			}
			return
		}
	}
	t.Error("the program has no main")
}

// TestREADMECommands holds that the two commands that README.md promises are what is checked.
func TestREADMECommands(t *testing.T) {
	var commands []string
	for _, block := range fence(t, "sh") {
		commands = append(commands, strings.Split(strings.TrimSpace(block), "\n")...)
	}
	if len(commands) != 2 {
		t.Fatalf("README.md: got commands %q, want two", commands)
	}
	// .ci/run takes both from README.md, word for word, so that what it runs is what is promised.
	script := read(t, ".ci/run")
	for _, c := range commands {
		if !strings.Contains(script, "=$(grep -m 1 -x '"+c+"' README.md)") {
			t.Errorf(".ci/run does not take %q from README.md", c)
		}
	}
}
