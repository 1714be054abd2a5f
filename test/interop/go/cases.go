// A client of a Go library against wsuv_echo, which was started with `-p chat2 -p chat3` and
// `--origin http://good.test`; or an echo server on that library, for the program wsuv.
//
//	PROGRAM [-deflate] [-ca FILE] [-unix PATH] URL PID
//	PROGRAM [-deflate] -serve
//
// It is compiled with gorilla.go or nhooyr.go, which have the library's part: open and serve. With
// -deflate both sides compress, and so do all cases but those that say otherwise. As a client it
// runs all cases one after the other and tells of each; the last one ends the server, whose process
// is PID. As a server it listens on a port of 127.0.0.1, tells it, and runs until it is killed.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	patience  = 20 * time.Second // for one case
	big       = 16 << 20         // bytes
	serverMax = 64 << 20         // bytes of a message that the server takes
	period    = 251              // of the pattern
	many      = 10000            // messages
	crowd     = 100              // sessions
	piece     = 64 << 10         // bytes of a message for the slow reader
	slow      = time.Millisecond // between two messages of the slow reader
)

// Types of messages (RFC 6455 5.2), which both libraries have as numbers.
const (
	text   = 1
	binary = 2
)

// How a session compresses.
const (
	plain = iota
	takeover
	noTakeover
)

// What a library cannot do.
var errCannot = errors.New("the library cannot do it")

type message struct {
	kind int
	data []byte
}

// How a session has ended: what the server's close frame says, and 1006 without one.
type ended struct {
	code   int
	reason string
}

type options struct {
	path         string
	origin       string
	subprotocols []string
	deflate      int
	buffer       int // bytes: a fragment is not longer, if the library can be told so; or 0
}

// The session of a library. A goroutine reads from it all the time.
type session interface {
	send(kind int, data []byte) error
	// Send a message in fragments, and call between inside it.
	sendPieces(kind int, pieces [][]byte, between func() error) error
	ping(payload []byte) error // until the pong has come
	pong(payload []byte) error
	close(code int, reason string) error
	subprotocol() string
	extensions() string // of the response
	box() *inbox
}

// What has come, and the connection.
type inbox struct {
	messages chan message
	done     chan struct{} // closed when the session has ended
	end      ended
	wire     net.Conn
}

func (in *inbox) box() *inbox {
	return in
}

// Dial for the library, which keeps its connection to itself.
func (in *inbox) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var err error
	if *unixPath != "" {
		network, address = "unix", *unixPath
	}
	in.wire, err = (&net.Dialer{}).DialContext(ctx, network, address)
	return in.wire, err
}

// Read until the session ends.
func (in *inbox) fill(read func() (message, error), endOf func(error) ended) {
	in.messages = make(chan message)
	in.done = make(chan struct{})
	go func() {
		for {
			m, err := read()
			if err != nil {
				in.end = endOf(err)
				close(in.done)
				return
			}
			in.messages <- m
		}
	}()
}

// The handshake was refused.
type refused struct {
	status int
	body   string
}

func (r *refused) Error() string {
	return fmt.Sprintf("refused with %d: %q", r.status, r.body)
}

func refusal(response *http.Response, err error) error {
	if response == nil || response.StatusCode == http.StatusSwitchingProtocols {
		return err
	}
	body, _ := io.ReadAll(response.Body)
	return &refused{response.StatusCode, string(body)}
}

var (
	base        string // the URL without a path
	pid         int
	deflate     = flag.Bool("deflate", false, "both sides compress")
	unixPath    = flag.String("unix", "", "the server's socket")
	serving     = flag.Bool("serve", false, "be an echo server")
	authorities = flag.String("ca", "", "PEM file of the authority to trust")
	trust       *tls.Config
)

// A message in pieces; between is called after the first.
func writePieces(w io.WriteCloser, pieces [][]byte, between func() error) error {
	for i, piece := range pieces {
		if _, err := w.Write(piece); err != nil {
			return err
		}
		if i == 0 {
			if err := between(); err != nil {
				return err
			}
		}
	}
	return w.Close()
}

func pattern(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i % period)
	}
	return data
}

func equal(found, wanted interface{}) error {
	if found != wanted {
		return fmt.Errorf("%.80q, not %.80q", fmt.Sprint(found), fmt.Sprint(wanted))
	}
	return nil
}

func receive(s session) (message, error) {
	select {
	case m := <-s.box().messages:
		return m, nil
	case <-s.box().done:
		return message{}, fmt.Errorf("ended: %v", s.box().end)
	}
}

func arrives(s session, kind int, data []byte) error {
	m, err := receive(s)
	if err != nil {
		return err
	}
	if m.kind != kind || !bytes.Equal(m.data, data) {
		return fmt.Errorf("%d bytes of type %d, not %d of type %d", len(m.data), m.kind, len(data),
			kind)
	}
	return nil
}

func echoes(s session, kind int, data []byte) error {
	failed := make(chan error, 1)
	go func() { failed <- s.send(kind, data) }()
	if err := arrives(s, kind, data); err != nil {
		return err
	}
	return <-failed
}

func ends(s session, code int) error {
	<-s.box().done
	return equal(s.box().end.code, code)
}

func finish(s session, code int, reason string) error {
	if err := s.close(code, reason); err != nil {
		return err
	}
	return ends(s, code)
}

// In runs a case's steps in a session of its own, and closes it.
func in(o options, steps func(s session) error) error {
	if o.path == "" {
		o.path = "/echo"
	}
	s, err := open(o)
	if err != nil {
		return err
	}
	defer s.box().wire.Close()
	if err := steps(s); err != nil {
		return err
	}
	return finish(s, 1000, "")
}

func usual() options {
	if *deflate {
		return options{deflate: usualDeflate}
	}
	return options{}
}

func echoCase(kind int, data []byte) func() error {
	return func() error {
		return in(usual(), func(s session) error { return echoes(s, kind, data) })
	}
}

// Around the encodings of the length.
func sizesCase() error {
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		if err := echoCase(binary, pattern(size))(); err != nil {
			return err
		}
	}
	return nil
}

func manyCase() error {
	return in(usual(), func(s session) error {
		failed := make(chan error, 1)
		go func() {
			var err error
			for i := 0; i < many && err == nil; i++ {
				err = s.send(text, []byte(fmt.Sprint("message ", i)))
			}
			failed <- err
		}()
		for i := 0; i < many; i++ {
			if err := arrives(s, text, []byte(fmt.Sprint("message ", i))); err != nil {
				return err
			}
		}
		return <-failed
	})
}

func fragmentsCase(buffer, kind int, pieces ...[]byte) func() error {
	return func() error {
		o := usual()
		o.buffer = buffer
		return in(o, func(s session) error {
			failed := make(chan error, 1)
			pinged := make(chan error, 1)
			go func() {
				failed <- s.sendPieces(kind, pieces, func() error {
					pinged <- s.ping([]byte("between"))
					return nil
				})
			}()
			if err := arrives(s, kind, bytes.Join(pieces, nil)); err != nil {
				return err
			}
			if err := <-pinged; err != nil {
				return err
			}
			return <-failed
		})
	}
}

func bigFragments() [][]byte {
	var pieces [][]byte
	for at, data := 0, pattern(big); at < big; at += big / 16 {
		pieces = append(pieces, data[at:at+big/16])
	}
	return pieces
}

func pingCase(payload []byte) func() error {
	return func() error {
		return in(usual(), func(s session) error { return s.ping(payload) })
	}
}

func unaskedPongCase() error {
	return in(usual(), func(s session) error {
		if err := s.pong([]byte("unasked")); err != nil {
			return err
		}
		return echoes(s, text, []byte("still here"))
	})
}

func subprotocolCase(agreed string, offered ...string) func() error {
	return func() error {
		o := usual()
		o.subprotocols = offered
		return in(o, func(s session) error {
			if err := equal(s.subprotocol(), agreed); err != nil {
				return err
			}
			return echoes(s, text, []byte("hello"))
		})
	}
}

func deflateCase(mode int, answered string) func() error {
	return func() error {
		if !*deflate {
			answered = ""
		}
		return in(options{deflate: mode}, func(s session) error {
			if err := equal(s.extensions(), answered); err != nil {
				return err
			}
			for i := 0; i < 5; i++ {
				for _, data := range [][]byte{[]byte("taken over or not"),
					bytes.Repeat([]byte("once more "), 10000*i), pattern(1000)} {
					if err := echoes(s, binary, data); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
}

func refusedCase(o options, status int, body string) func() error {
	return func() error {
		err := in(o, func(s session) error { return errors.New("not refused") })
		var r *refused
		if !errors.As(err, &r) {
			return fmt.Errorf("no refusal: %v", err)
		}
		return equal(*r, refused{status, body})
	}
}

func originCase() error {
	o := usual()
	o.origin = "http://good.test"
	return in(o, func(s session) error { return echoes(s, text, []byte("hello")) })
}

func closeCase(code int, reason string) func() error {
	return func() error {
		s, err := open(options{path: "/echo"})
		if err != nil {
			return err
		}
		if err := finish(s, code, reason); err != nil {
			return err
		}
		return equal(s.box().end.reason, "")
	}
}

// Sending may fail, because the server does not read on.
func failedCase(code, kind int, data []byte) func() error {
	return func() error {
		s, err := open(options{path: "/echo"})
		if err != nil {
			return err
		}
		defer s.box().wire.Close()
		go s.send(kind, data)
		return ends(s, code)
	}
}

// What the server makes of it is told by the session after it.
func dyingCase() error {
	s, err := open(options{path: "/echo"})
	if err != nil {
		return err
	}
	pieces := [][]byte{pattern(piece), pattern(piece)}
	_ = s.sendPieces(binary, pieces, func() error { return s.box().wire.Close() })
	if err := ends(s, 1006); err != nil {
		return err
	}
	return echoCase(text, []byte("still there"))()
}

func slowCase() error {
	return in(usual(), func(s session) error {
		failed := make(chan error, 1)
		go func() {
			var err error
			for i := 0; i < big/piece && err == nil; i++ {
				err = s.send(binary, pattern(piece))
			}
			failed <- err
		}()
		for i := 0; i < big/piece; i++ {
			if err := arrives(s, binary, pattern(piece)); err != nil {
				return err
			}
			time.Sleep(slow)
		}
		return <-failed
	})
}

func crowdCase() error {
	failed := make(chan error, crowd)
	ready := make(chan struct{})
	met := make(chan struct{}, crowd)
	for i := 0; i < crowd; i++ {
		talk := echoOf(fmt.Sprint("session ", i))
		go func() {
			failed <- in(usual(), func(s session) error {
				met <- struct{}{}
				<-ready
				return talk(s)
			})
		}()
	}
	for i := 0; i < crowd; i++ {
		select {
		case <-met:
		case err := <-failed:
			return err
		}
	}
	close(ready)
	for i := 0; i < crowd; i++ {
		if err := <-failed; err != nil {
			return err
		}
	}
	return nil
}

func echoOf(words string) func(session) error {
	return func(s session) error { return echoes(s, text, []byte(words)) }
}

func leavingServerCase() error {
	s, err := open(options{path: "/echo"})
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return err
	}
	return ends(s, 1001)
}

type testCase struct {
	name string
	run  func() error
}

const bothNone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

func cases() []testCase {
	return []testCase{
		{"text", echoCase(text, []byte("hello"))},
		{"empty text", echoCase(text, nil)},
		{"text in UTF-8", echoCase(text, []byte("\u007f\u0080 gr\u00fc\u00df \uffff\U0001f600"))},
		{"binary, of all encodings of the length", sizesCase},
		{"10000 messages at once come back in order", manyCase},
		{"16 MiB", echoCase(binary, pattern(big))},
		{"fragments, with a ping in between", fragmentsCase(16, text, []byte(
			"one \u20ac and more "), nil, []byte("two \u20ac and more"))},
		{"16 MiB in fragments", fragmentsCase(big/16, binary, bigFragments()...)},
		{"a ping is answered with its payload", pingCase(pattern(125))},
		{"an empty ping is answered", pingCase(nil)},
		{"a pong that nobody asked for is ignored", unaskedPongCase},
		{"a subprotocol is agreed upon", subprotocolCase("chat2", "chat1", "chat2")},
		{"the first of the server is chosen", subprotocolCase("chat2", "chat3", "chat2")},
		{"no subprotocol is offered", subprotocolCase("")},
		{"no subprotocol can be agreed upon", refusedCase(options{subprotocols: []string{"chat1"}},
			400, "")},
		{"permessage-deflate with context takeover", deflateCase(takeover, "permessage-deflate")},
		{"permessage-deflate without context takeover", deflateCase(noTakeover, bothNone)},
		{"a refusal has status and body", refusedCase(options{path: "/refuse?status=401"}, 401,
			"refused\n")},
		{"404", refusedCase(options{path: "/refuse?status=404"}, 404, "refused\n")},
		{"an origin that the server knows", originCase},
		{"an origin that the server does not know", refusedCase(
			options{origin: "http://other.test"}, 403, "")},
		{"closed without a code", closeCase(1005, "")},
		{"closed with 1000", closeCase(1000, "")},
		{"closed with 1001 and a reason", closeCase(1001, "gr\u00fc\u00dfe")},
		{"closed with 3000", closeCase(3000, "")},
		{"closed with 4999 and a long reason", closeCase(4999, strings.Repeat("r", 123))},
		{"text that is not UTF-8 is answered by 1007", failedCase(1007, text, []byte{0xc3, 0x28})},
		{"a message over the limit is answered by 1009", failedCase(1009, binary,
			pattern(serverMax+1))},
		{"a client that dies inside a message", dyingCase},
		{"a client that reads slowly", slowCase},
		{"100 sessions at once", crowdCase},
		{"a server that goes away says 1001", leavingServerCase},
	}
}

func inTime(run func() error) error {
	result := make(chan error, 1)
	go func() { result <- run() }()
	select {
	case err := <-result:
		return err
	case <-time.After(patience):
		return fmt.Errorf("not within %v", patience)
	}
}

func runCases() int {
	failed := 0
	all := cases()
	for i, c := range all {
		err := inTime(c.run)
		switch {
		case err == nil:
			fmt.Printf("ok %d - %s\n", i+1, c.name)
		case errors.Is(err, errCannot):
			fmt.Printf("ok %d - %s # SKIP %v\n", i+1, c.name, err)
		default:
			failed++
			fmt.Printf("not ok %d - %s\n# %v\n", i+1, c.name, err)
		}
	}
	fmt.Printf("1..%d\n# %d failed\n", len(all), failed)
	if failed > 0 {
		return 1
	}
	return 0
}

func listen() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	return http.Serve(listener, http.HandlerFunc(serve))
}

func readTrust() error {
	if *authorities == "" {
		return nil
	}
	pem, err := os.ReadFile(*authorities)
	if err != nil {
		return err
	}
	trust = &tls.Config{RootCAs: x509.NewCertPool()}
	if !trust.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("no certificate in %s", *authorities)
	}
	return nil
}

func main() {
	flag.Parse()
	err := readTrust()
	if err == nil && *serving {
		err = listen()
	}
	if err == nil {
		pid, err = strconv.Atoi(flag.Arg(1))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	base = flag.Arg(0)
	os.Exit(runCases())
}
