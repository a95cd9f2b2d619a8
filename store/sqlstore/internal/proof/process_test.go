package proof_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// inProcess starts n nodes in this process, each with a store of its own, and returns their URLs.
func (sys system) inProcess(t testing.TB, n int) []string {
	t.Helper()
	var urls []string
	for range n {
		st, db, err := openStore(context.Background(), sys.DSN)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		node, err := newNode(sys, weaken(sys.Weak, st))
		if err != nil {
			t.Fatal(err)
		}
		ts := httptest.NewServer(node)
		t.Cleanup(ts.Close)
		urls = append(urls, ts.URL)
	}
	return urls
}

// process is a node that can die.
type process struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
	ended sync.Once
}

// process starts a node as a process of its own, which ends with t at the latest.
func (sys system) process(t testing.TB) *process {
	t.Helper()
	config, err := json.Marshal(sys)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), nodeVariable+"="+string(config))
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listens ")
	if !ok {
		t.Fatalf("a node did not start: %v", err)
	}
	p.url = url
	return p
}

// end lets the process end, if it has not, and waits until it has.
func (p *process) end() {
	p.ended.Do(func() {
		p.stdin.Close()
		p.cmd.Wait()
	})
}
