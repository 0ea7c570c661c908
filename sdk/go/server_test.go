package peeper

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"peeper/sdk/go/internal/peeperd"
)

// shared is a server for all tests that leave it as it was.
var shared *peeperd.Server

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	var err error
	if shared, err = peeperd.Launch("../../build", "127.0.0.1:0"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer shared.Kill()
	os.Setenv("PEEPER_ADDR", shared.Address)
	status := m.Run()
	if left := leaked(); left != "" {
		fmt.Fprintf(os.Stderr, "goroutines that outlive the tests:\n%s\n", left)
		return 1
	}
	return status
}

// leaked answers the stacks of goroutines of this package that are still there after a while.
func leaked() string {
	var left []string
	for until := time.Now().Add(5 * time.Second); time.Now().Before(until); runtime.Gosched() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left = nil
		for _, stack := range strings.Split(string(stacks), "\n\n")[1:] {
			if strings.Contains(stack, "peeper/sdk/go.") && !strings.Contains(stack, "testing.") {
				left = append(left, stack)
			}
		}
		if left == nil {
			return ""
		}
	}
	return strings.Join(left, "\n\n")
}

func startServer(t testing.TB, address string, options ...string) *peeperd.Server {
	t.Helper()
	s, err := peeperd.Launch("../../build", address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

func connectTo(t testing.TB, address string, options Options) *Client {
	t.Helper()
	c, err := Connect(context.Background(), address, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func connect(t testing.TB) *Client {
	t.Helper()
	return connectTo(t, shared.Address, Options{})
}

// soon is the time after which a test has failed.
func soon(t testing.TB) context.Context {
	ctx, done := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(done)
	return ctx
}

// actor starts an actor named after the test, which is stopped at its end.
func actor(t testing.TB, c *Client, behaviour string, argument any) Name {
	t.Helper()
	name := Name(t.Name() + "/" + behaviour)
	if _, err := c.Start(soon(t), StartOptions{Name: string(name), Behaviour: behaviour, Argument: argument}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, done := context.WithTimeout(context.Background(), time.Second)
		defer done()
		c.Stop(ctx, name, nil)
	})
	return name
}

// next takes one item of a channel.
func next[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case item, ok := <-c:
		if !ok {
			t.Fatal("the channel is closed")
		}
		return item
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	panic("not reached")
}

func ended[T any](t testing.TB, c <-chan T) {
	t.Helper()
	select {
	case item, ok := <-c:
		if ok {
			t.Fatalf("not the end but %+v", item)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it did not end")
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// proxy stands between clients and a server, and can cut and hold what goes through.
type proxy struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	conns    []net.Conn
	deaf     bool // what comes is not passed on
	all      sync.WaitGroup
}

func startProxy(t testing.TB, to string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	p := &proxy{listener: listener, to: to}
	p.all.Add(1)
	go p.accept()
	t.Cleanup(func() {
		listener.Close()
		p.cut()
		p.all.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	defer p.all.Done()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.all.Add(2)
		go p.pass(client, server)
		go p.pass(server, client)
	}
}

func (p *proxy) pass(from, to net.Conn) {
	defer p.all.Done()
	defer from.Close()
	defer to.Close()
	room := make([]byte, 64<<10)
	for {
		n, err := from.Read(room)
		p.mu.Lock()
		deaf := p.deaf
		p.mu.Unlock()
		if err != nil {
			return
		}
		if !deaf {
			if _, err := to.Write(room[:n]); err != nil {
				return
			}
		}
	}
}

func (p *proxy) hold(deaf bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = deaf
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		conn.Close()
	}
	p.conns = nil
}
