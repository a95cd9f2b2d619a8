package attack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestA339(t *testing.T) { run(t) }
func TestA340(t *testing.T) { run(t) }
func TestA341(t *testing.T) { run(t) }
func TestA342(t *testing.T) { run(t) }
func TestA343(t *testing.T) { run(t) }
func TestA344(t *testing.T) { run(t) }
func TestA347(t *testing.T) { run(t) }
func TestA348(t *testing.T) { run(t) }
func TestA352(t *testing.T) { run(t) }
func TestA354(t *testing.T) { run(t) }
func TestA358(t *testing.T) { run(t) }
func TestA361(t *testing.T) { run(t) }
func TestA363(t *testing.T) { run(t) }
func TestA398(t *testing.T) { run(t) }
func TestA400(t *testing.T) { run(t) }

// endless is a body that counts what is read of it. Whoever would read on for ever gets an error at some point.
type endless struct{ read int }

func (b *endless) Read(p []byte) (int, error) {
	if b.read > 16<<20 {
		return 0, errors.New("somebody reads without end")
	}
	for i := range p {
		p[i] = 'a'
	}
	b.read += len(p)
	return len(p), nil
}

// TestA345 sends more than there may be. Of a body without end a byte more than the cap is read, and memory is as for
// one that is just too long; over a network the answer comes in the middle of it, and then the connection is closed.
func TestA345(t *testing.T) {
	run(t)
	w := newWorld(t)
	defer w.tight()
	ask := func(path string, body io.Reader) (*httptest.ResponseRecorder, uint64) {
		r := w.as("web", &request{method: http.MethodPost, path: path})
		req := httptest.NewRequest(r.method, r.path, io.MultiReader(body)) // which hides its length
		req.Header = r.header
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rec := httptest.NewRecorder()
		bytes := allocated(func() { w.server.ServeHTTP(rec, req) })
		return rec, bytes
	}
	for path, most := range map[string]int{"/token": 64 << 10, "/introspect": 64 << 10, "/revoke": 64 << 10, "/authorize": 16 << 10} {
		t.Run("without end, "+path, func(t *testing.T) {
			defer func(outer *testing.T) { w.t = outer }(w.t)
			w.t = t
			w.unchanged(func() {
				least := func(body func() io.Reader) uint64 { // for the rest of the process allocates too
					all := make([]uint64, 5)
					for i := range all {
						var rec *httptest.ResponseRecorder
						if rec, all[i] = ask(path, body()); rec.Code != http.StatusRequestEntityTooLarge {
							t.Errorf("got %d, want 413", rec.Code)
						}
					}
					return slices.Min(all)
				}
				flat := least(func() io.Reader { return strings.NewReader(strings.Repeat("a", most+1)) })
				var body *endless
				bytes := least(func() io.Reader {
					body = new(endless)
					return body
				})
				if body.read > most+1 {
					t.Errorf("%d bytes were read, want %d", body.read, most+1)
				}
				if bytes > flat+flat/10+4096 || bytes > uint64(8*most) {
					t.Errorf("%d bytes allocated, and %d for a body of %d bytes", bytes, flat, most+1)
				}
			})
		})
	}
	t.Run("without end, in chunks", func(t *testing.T) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		sent := make(chan int)
		go func() {
			n := 0
			defer func() { sent <- n }()
			fmt.Fprint(conn, "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n")
			chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<16, strings.Repeat("a", 1<<16))
			for n < 64<<20 {
				if _, err := io.WriteString(conn, chunk); err != nil {
					return
				}
				n += 1 << 16
			}
		}()
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		if res.StatusCode != http.StatusRequestEntityTooLarge || !res.Close {
			t.Errorf("got %d, closed %t", res.StatusCode, res.Close)
		}
		if n := <-sent; n >= 64<<20 { // the buffers of the network hold a few
			t.Errorf("%d bytes were taken", n)
		}
		if b, err := in.ReadByte(); err == nil {
			t.Errorf("after the answer comes %q", b)
		}
	})
}

// TestA353 also has what no client of net/http can send, but another server may pass on.
func TestA353(t *testing.T) {
	run(t)
	w := newWorld(t)
	tok := w.signIn("web").access
	if rec := w.guarded(tok, "read"); rec.Code != http.StatusOK {
		t.Fatalf("the token as it is: %d", rec.Code)
	}
	for _, after := range []string{"\n", "\r\n", "\r\nX-Evil: 1", " ", "\x00"} {
		rec := w.guarded(tok+after, "read")
		if got := rec.Header().Get("WWW-Authenticate"); rec.Code != http.StatusBadRequest || !strings.Contains(got, `error="invalid_request"`) || strings.Contains(got, "\n") {
			t.Errorf("with %q after it: %d, challenge %q", after, rec.Code, got)
		}
	}
}
