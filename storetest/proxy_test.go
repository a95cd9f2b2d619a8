package storetest_test

import (
	"io"
	"net"
	"testing"

	"github.com/oauthcore/oauthcore/storetest"
)

// A store may have a connection on which the engine answers when it likes, such as one that waits for news. A
// request on it must not hide the call that a case is about.
func TestReplyIsLostThoughAnotherConnectionAsks(t *testing.T) {
	t.Parallel()
	engine, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	dial, end := storetest.LosingReply()
	ask := func() (client, server net.Conn) {
		t.Helper()
		client, err := dial(t.Context(), "tcp", engine.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if server, err = engine.Accept(); err != nil {
			t.Fatal(err)
		}
		if _, err = io.WriteString(client, "?"); err != nil {
			t.Fatal(err)
		}
		if _, err = server.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		return client, server
	}
	waiting, quiet := ask()
	defer waiting.Close()
	defer quiet.Close()
	asking, answering := ask()
	defer asking.Close()
	defer answering.Close()
	io.WriteString(answering, "!")
	_, err = asking.Read(make([]byte, 1))
	if struck := end(); err == nil || !struck {
		t.Errorf("a call's reply came, and whether it was lost is %v", struck)
	}
}
