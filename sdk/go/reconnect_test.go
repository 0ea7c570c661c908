package peeper

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

func TestAfterALostConnectionTheClientGoesOnByItself(t *testing.T) {
	p := startProxy(t, shared.Address)
	c, ctx := connectTo(t, p.address(), Options{}), soon(t)
	name := actor(t, c, "counter", nil)
	events := c.Events()
	for i := 1; i <= 3; i++ {
		if count, err := c.Call(ctx, name, "inc"); err != nil || count != int64(i) {
			t.Fatalf("%v, %v", count, err)
		}
		p.cut()
		if e, ok := next(t, events).(*Disconnected); !ok || e.Cause == nil {
			t.Fatalf("%#v instead of Disconnected", e)
		}
		if e, ok := next(t, events).(*Reconnected); !ok || e.ServerVersion == "" {
			t.Fatalf("%#v instead of Reconnected", e)
		}
	}
}

func TestACallThatWasWrittenIsNotRepeatedAndAReadIs(t *testing.T) {
	p := startProxy(t, shared.Address)
	c, ctx := connectTo(t, p.address(), Options{}), soon(t)
	name := actor(t, connect(t), "counter", nil)
	check(t, c.Ping(ctx))
	p.hold(true)
	call := c.CallAsync(ctx, name, "inc")
	where := make(chan error, 1)
	go func() {
		id, err := c.WhereIs(ctx, name)
		if id == 0 && err == nil {
			err = errors.New("nobody")
		}
		where <- err
	}()
	written(t, c, 2)
	p.hold(false)
	p.cut()
	var lost *DisconnectedError
	if _, err := call.Wait(); !errors.As(err, &lost) || !lost.MaybeRan {
		t.Errorf("the call: %v", err)
	}
	check(t, next(t, where))
}

// written waits until that many requests have been written and not answered.
func written(t *testing.T, c *Client, count int) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		c.mu.Lock()
		found := 0
		for _, r := range c.slots {
			if r != nil && r.place == placeWritten {
				found++
			}
		}
		c.mu.Unlock()
		if found == count {
			return
		}
	}
	t.Fatalf("%d requests are never written", count)
}

func TestRequestsWaitForTheServerToComeBack(t *testing.T) {
	s := startServer(t, "127.0.0.1:0")
	c, ctx := connectTo(t, s.Address, Options{}), soon(t)
	events := c.Events()
	must[*Started](t)(c.Start(ctx, StartOptions{Name: "a", Behaviour: "counter"}))
	monitor := must[*Monitor](t)(c.Monitor(ctx, Name("a")))
	s.Kill()
	if _, ok := next(t, events).(*Disconnected); !ok {
		t.Fatal("no Disconnected")
	}
	if down := next(t, monitor.C); down.Reason != noconnection || down.Name != "a" {
		t.Errorf("%+v", down)
	}
	ended(t, monitor.C)
	// Without a server a request ends at its deadline, and says why.
	short, done := context.WithTimeout(ctx, 50*time.Millisecond)
	defer done()
	var timeout *TimeoutError
	if err := c.Ping(short); !errors.As(err, &timeout) || timeout.MaybeRan {
		t.Errorf("without a server: %v", err)
	}
	if err := c.Ping(ctx, Timeout(300*time.Millisecond)); !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("without a server: %v", err)
	}
	waiting := make(chan error, 1)
	go func() {
		waiting <- c.Ping(ctx)
	}()
	startServer(t, s.Address)
	check(t, next(t, waiting))
	if id, err := c.WhereIs(ctx, Name("a")); id != 0 || err != nil {
		t.Errorf("the actor of the server before: %v, %v", id, err)
	}
}

func TestADeadConnectionIsNoticedAndReplaced(t *testing.T) {
	p := startProxy(t, shared.Address)
	c, ctx := connectTo(t, p.address(), Options{}), soon(t)
	check(t, c.Ping(ctx))
	p.hold(true)
	if err := c.Cast(context.Background(), Name("nobody"), 1, Timeout(50*time.Millisecond)); !errors.Is(err, ErrTimeout) {
		t.Errorf("a cast that nobody answers: %v", err)
	}
	p.hold(false)
	check(t, c.Ping(ctx))
	if e, ok := next(t, c.Events()).(*Disconnected); !ok || !errors.Is(e.Cause, errSilent) {
		t.Errorf("%+v", e)
	}
}

func TestAWrongServerIsATypedErrorOfConnect(t *testing.T) {
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	refused.Close()
	guarded := startServer(t, "127.0.0.1:0", "--token", "secret")
	for name, c := range map[string]struct {
		address string
		options Options
		says    string
		quick   bool
	}{
		"nobody":       {refused.Addr().String(), Options{}, "refused", false},
		"garbage":      {fake(t, speak(strings.Repeat("220 welcome to another server\r\n", 10))), Options{}, "bytes that are no frame", true},
		"little of it": {fake(t, speak("HTTP/1.1 400 Bad Request\r\n\r\n")), Options{}, "", false},
		"closes":       {fake(t, func(net.Conn) {}), Options{}, "", false},
		"never speaks": {fake(t, func(conn net.Conn) { io.Copy(io.Discard, conn) }), Options{}, "no welcome", false},
		"no token":     {guarded.Address, Options{}, "UNAUTHENTICATED", true},
		"wrong token":  {guarded.Address, Options{Token: "guess"}, "Options.Token", true},
		"no such host": {"no-such-host.invalid", Options{}, "no-such-host", false},
	} {
		c.options.ConnectTimeout = 300 * time.Millisecond
		if c.quick {
			c.options.ConnectTimeout = 20 * time.Second
		}
		_, err := Connect(context.Background(), c.address, c.options)
		var failed *ConnectError
		token := strings.Contains(name, "token")
		if !token && (!errors.As(err, &failed) || len(failed.Attempts) == 0) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if got := errors.Is(err, StatusUnauthenticated); got != token {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := connectTo(t, guarded.Address, Options{Token: "secret"})
	check(t, c.Ping(soon(t)))
	if w := c.Welcome(); w.ServerVersion == "" || w.Limits.FrameBytesMax == 0 {
		t.Errorf("%+v", w)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Connect(ctx, refused.Addr().String(), Options{}); !errors.Is(err, ErrConnectFailed) {
		t.Errorf("canceled: %v", err)
	}
}

// speak says that when it has heard something.
func speak(text string) func(net.Conn) {
	return func(conn net.Conn) {
		conn.Read(make([]byte, 1000))
		conn.Write([]byte(text))
	}
}

// fake is a server that does that with each connection, and closes it.
func fake(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-over
	})
	return listener.Addr().String()
}

// greeted is a fake that welcomes, and then does that with each request.
func greeted(t *testing.T, features []string, answer func(conn net.Conn, frame *peeperv1.ClientFrame) bool) string {
	return fake(t, func(conn net.Conn) {
		in := &frameReader{conn: conn, max: 1 << 20}
		for {
			data, err := in.next()
			frame := &peeperv1.ClientFrame{}
			if err != nil || proto.Unmarshal(data, frame) != nil {
				return
			}
			if frame.GetHello() != nil {
				tell(conn, &peeperv1.ServerFrame{Id: frame.Id, Body: &peeperv1.ServerFrame_Welcome{
					Welcome: &peeperv1.Welcome{ProtocolVersion: 1, Features: features}}})
			} else if !answer(conn, frame) {
				return
			}
		}
	})
}

func tell(conn net.Conn, frame *peeperv1.ServerFrame) {
	body, _ := proto.Marshal(frame)
	conn.Write(protowire.AppendBytes(nil, body))
}

func TestAKeyLetsACallBeRepeatedWhereTheServerPromisesIt(t *testing.T) {
	for _, features := range [][]string{nil, {featureIdempotency}} {
		calls := make(chan *peeperv1.Call, 2)
		address := greeted(t, features, func(conn net.Conn, frame *peeperv1.ClientFrame) bool {
			calls <- frame.GetCall()
			if len(calls) == 1 {
				return false
			}
			tell(conn, &peeperv1.ServerFrame{Id: frame.Id, Body: &peeperv1.ServerFrame_Reply{
				Reply: &peeperv1.Reply{Payload: []byte{tagInt, 4}}}})
			return true
		})
		c := connectTo(t, address, Options{})
		r := newRequest(verbCall)
		check(t, aim(r, Name("x")))
		r.keyed = true // as takeKey does where the schema has a field for the key
		check(t, c.begin(soon(t), r, Option{}))
		got, err := c.reply(soon(t), r)
		if features == nil && !errors.Is(err, ErrDisconnected) {
			t.Errorf("without the feature: %v, %v", got, err)
		}
		if features != nil && (err != nil || got != int64(2)) {
			t.Errorf("with it: %v, %v", got, err)
		}
	}
	if a, b := AutoIdempotencyKey(), AutoIdempotencyKey(); a.key == b.key || a.key == "" {
		t.Error("keys are not unique")
	}
}

func TestAnAnswerOfAnotherKindOrNoFrameEndsTheRequest(t *testing.T) {
	address := greeted(t, nil, func(conn net.Conn, frame *peeperv1.ClientFrame) bool {
		if frame.GetPing() != nil {
			conn.Write([]byte{2, 0xff, 0xff})
			return false
		}
		tell(conn, &peeperv1.ServerFrame{Id: frame.Id + 1<<40})
		tell(conn, &peeperv1.ServerFrame{Id: frame.Id, Body: &peeperv1.ServerFrame_Pong{Pong: &peeperv1.Pong{}}})
		return true
	})
	c := connectTo(t, address, Options{})
	if _, err := c.Call(soon(t), Name("x"), nil); !errors.Is(err, ErrDisconnected) || !errors.Is(err, errFrame) {
		t.Errorf("a call that is answered with Pong: %v", err)
	}
	if err := c.Ping(soon(t), Timeout(200*time.Millisecond)); !errors.Is(err, ErrTimeout) {
		t.Errorf("a ping that is answered with garbage: %v", err)
	}
}

func TestAnAnswerOverTheLimitOfTheClientIsRefused(t *testing.T) {
	name := actor(t, connect(t), "probe", nil)
	c := connectTo(t, shared.Address, Options{AnswerBytesMax: 1000})
	_, err := c.Call(soon(t), name, []any{"reply_bytes", 2000})
	if !errors.Is(err, ErrDisconnected) || !strings.Contains(err.Error(), "AnswerBytesMax") {
		t.Errorf("%v", err)
	}
}
