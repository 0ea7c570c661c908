package peeper

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTenThousandCallsInFlightAreAllAnswered(t *testing.T) {
	c, ctx := connect(t), soon(t)
	name := actor(t, c, "counter", nil)
	const calls = 10000
	seen := make([]bool, calls+1)
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := 0; i < calls; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			count, err := c.Call(ctx, name, "inc")
			mu.Lock()
			defer mu.Unlock()
			if n, ok := count.(int64); err != nil || !ok || n < 1 || n > calls || seen[n] {
				t.Errorf("%v, %v", count, err)
			} else {
				seen[n] = true
			}
		}()
	}
	all.Wait()
}

func TestCallsThatOneGoroutineSendsRunInTheirOrder(t *testing.T) {
	c, ctx := connectTo(t, shared.Address, Options{RequestsMax: 16}), soon(t)
	name := actor(t, c, "counter", nil)
	var pending []*Pending
	for i := 0; i < 1000; i++ {
		pending = append(pending, c.CallAsync(ctx, name, "inc"))
	}
	for i, p := range pending {
		if count, err := p.Wait(); err != nil || count != int64(i+1) {
			t.Fatalf("call %d: %v, %v", i, count, err)
		}
	}
	if _, err := pending[0].Wait(); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("to wait twice: %v", err)
	}
	if _, err := c.CallAsync(ctx, name, struct{}{}).Wait(); !errors.Is(err, ErrInvalidValue) {
		t.Errorf("a struct: %v", err)
	}
}

func TestValuesComeBackAsTheyWereSent(t *testing.T) {
	c, ctx := connect(t), soon(t)
	name := actor(t, c, "cache", nil)
	for i, sample := range append(samples, math.MaxUint32, strings.Repeat("x", 300000)) {
		if _, err := c.Call(ctx, name, []any{"put", "k", sample}); err != nil {
			t.Fatal(err)
		}
		want := must[any](t)(decodeValue(encoded(t, sample)))
		if got, err := c.Call(ctx, name, []any{"get", "k"}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d: %#v, %v instead of %#v", i, got, err, want)
		}
	}
	// An option of the test server is not needed: the limit is in its welcome.
	if _, err := c.Call(ctx, name, make([]byte, 5<<20)); !errors.Is(err, StatusTooLarge) {
		t.Errorf("a message over the limit: %v", err)
	}
	check(t, c.Ping(ctx))
}

func TestTheDeadlineOfTheContextTravels(t *testing.T) {
	c := connect(t)
	name := actor(t, c, "probe", nil)
	ctx, done := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer done()
	began := time.Now()
	_, err := c.Call(ctx, name, []any{"sleep", 1000})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 900*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	// The server itself judges a Timeout, and says that the second call was never run.
	_, err = c.Call(soon(t), name, "state", Timeout(50*time.Millisecond))
	if !errors.Is(err, StatusTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a Timeout: %v", err)
	}
	for _, d := range []time.Duration{0, -1} {
		if _, err := c.Call(soon(t), name, "state", Timeout(d)); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("Timeout(%d): %v", d, err)
		}
	}
	if _, err := c.Call(context.Background(), name, "state", Timeout(2*time.Hour)); !errors.Is(err, StatusInvalid) {
		t.Errorf("a Timeout over the server's limit: %v", err)
	}
	long, done := context.WithTimeout(context.Background(), 48*time.Hour)
	defer done()
	if _, err := c.Call(long, name, "state"); err != nil {
		t.Errorf("a context of two days: %v", err)
	}
}

func TestACanceledRequestReturnsAtOnceAndItsAnswerIsDropped(t *testing.T) {
	c := connect(t)
	name := actor(t, c, "probe", nil)
	ctx, cancel := context.WithCancel(context.Background())
	p := c.CallAsync(ctx, name, []any{[]any{"sleep", 100}, []any{"reply", "late"}})
	cancel()
	var timeout *TimeoutError
	if _, err := p.Wait(); !errors.Is(err, context.Canceled) || !errors.As(err, &timeout) || timeout.Timeout() {
		t.Errorf("canceled: %v", err)
	}
	if _, err := c.Call(ctx, name, "state"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: %v", err)
	}
	if got, err := c.Call(soon(t), name, []any{"reply", "mine"}); err != nil || got != "mine" {
		t.Errorf("the next call: %v, %v", got, err)
	}
}

func TestMoreRequestsThanMayBeInFlightWaitAndNoMoreThanMayWait(t *testing.T) {
	c, ctx := connectTo(t, shared.Address, Options{RequestsMax: 2, WaitingMax: 3}), soon(t)
	name := actor(t, connect(t), "probe", nil)
	pending := []*Pending{c.CallAsync(ctx, name, []any{[]any{"sleep", 200}, []any{"reply", 0}})}
	for i := 1; i < 5; i++ {
		pending = append(pending, c.CallAsync(ctx, name, []any{"reply", i}))
	}
	if err := c.Ping(ctx); !errors.Is(err, ErrTooManyRequests) {
		t.Errorf("one more: %v", err)
	}
	// Who gives up makes room.
	short, cancel := context.WithCancel(context.Background())
	last := pending[4]
	last.ctx = short
	cancel()
	if _, err := last.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	check(t, c.Ping(ctx))
	for i, p := range pending[:4] {
		if got, err := p.Wait(); err != nil || got != int64(i) {
			t.Errorf("%d: %v, %v", i, got, err)
		}
	}
}

func counterSpec(id string) map[string]any {
	return map[string]any{"id": id, "start": map[string]any{"behaviour": "counter"}}
}

func TestFailuresOfTheServerAreTyped(t *testing.T) {
	s := startServer(t, "127.0.0.1:0", "--mailbox-max", "2", "--own-hosts-max", "1")
	c, ctx := connectTo(t, s.Address, Options{}), soon(t)
	name := actor(t, c, "probe", nil)
	call := func(message any, options ...Option) error {
		_, err := c.Call(ctx, name, message, options...)
		return err
	}
	start := func(o StartOptions) error {
		_, err := c.Start(ctx, o)
		return err
	}
	own := StartOptions{Behaviour: "probe", Isolation: IsolationOwn}
	check(t, start(own))
	spec := map[string]any{"strategy": "one_for_one", "children": []any{counterSpec("a")}}
	must[*Started](t)(c.StartSupervisor(ctx, "sup", spec))
	_, badSpec := c.StartSupervisor(ctx, "", map[string]any{"strategy": "none"})
	_, running := c.RestartChild(ctx, Name("sup"), "a")
	check(t, c.TerminateChild(ctx, Name("sup"), ChildID{ID: "a"}))
	_, present := c.StartChild(ctx, Name("sup"), counterSpec("a"))
	must[*Started](t)(c.StartSupervisor(ctx, "simple", map[string]any{"strategy": "simple_one_for_one",
		"children": []any{counterSpec("t")}}))
	_, conflict := c.CommitTransfer(ctx, 12345)
	_, forbidden := c.Deploy(ctx, "x.so", []byte("\x7fELF"), nil)
	for _, f := range []struct {
		err  error
		want Status
	}{
		{c.Kill(ctx, Name("nobody")), StatusNoproc},
		{start(StartOptions{Name: string(name), Behaviour: "probe"}), StatusAlreadyStarted},
		{start(StartOptions{Behaviour: "none"}), StatusUnknownBehaviour},
		{start(StartOptions{Behaviour: "counter", Argument: "text"}), StatusRefused},
		{start(own), StatusOverloaded},
		{start(StartOptions{Name: "\x01", Behaviour: "probe"}), StatusInvalid},
		{call([]any{"raise", "boom"}), StatusCrashed},
		{call([]any{"stop", "now"}), StatusDown},
		{badSpec, StatusBadSpec},
		{running, StatusRunning},
		{present, StatusAlreadyPresent},
		{c.TerminateChild(ctx, Name("simple"), ChildID{ID: "t"}), StatusSimpleOneForOne},
		{c.DiscardCrash(ctx, 999), StatusNotFound},
		{conflict, StatusConflict},
		{forbidden, StatusForbidden},
	} {
		if !errors.Is(f.err, f.want) {
			t.Errorf("%v instead of %v", f.err, f.want)
		}
	}
	full := actor(t, c, "counter", nil)
	check(t, c.Suspend(ctx, full))
	for i := 0; i < 4; i++ {
		var failure *Error
		if err := c.Cast(ctx, full, "inc"); errors.As(err, &failure) {
			if failure.Status != StatusMailboxFull || !failure.Retryable {
				t.Errorf("%+v", failure)
			}
			return
		}
	}
	t.Error("the mailbox is never full")
}

func TestWrongArgumentsAreTypedBeforeAnythingIsSent(t *testing.T) {
	c, ctx := connect(t), soon(t)
	for name, err := range map[string]error{
		"no target":       c.Kill(ctx, nil),
		"no target again": c.Cast(ctx, nil, 1),
		"not UTF-8":       c.Kill(ctx, Name("\xff")),
		"a key for Send":  c.Send(ctx, Name("x"), 1, IdempotencyKey("k")),
		"a key for Ping":  c.Ping(ctx, IdempotencyKey("k")),
		"a bad key":       c.Cast(ctx, Name("x"), 1, IdempotencyKey("\xff")),
		"a duration":      c.startError(StartOptions{HibernateAfter: -1}),
		"a period":        c.startError(StartOptions{Intensity: &Intensity{1, -1}}),
		"a string":        c.startError(StartOptions{Behaviour: "\xff"}),
	} {
		if !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, connecting := range map[string]struct {
		address string
		options Options
	}{
		"no address":    {"", Options{}},
		"a bad address": {"http://x/", Options{}},
		"a long name":   {shared.Address, Options{Client: strings.Repeat("x", 256)}},
		"a limit":       {shared.Address, Options{RequestsMax: -1}},
		"many requests": {shared.Address, Options{RequestsMax: 1 << 21}},
		"a time-out":    {shared.Address, Options{RequestTimeout: -1}},
	} {
		if _, err := Connect(ctx, connecting.address, connecting.options); !errors.Is(err, ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (c *Client) startError(o StartOptions) error {
	_, err := c.Start(context.Background(), o)
	return err
}

func TestAClosedClientIsATypedErrorAndLeavesNothingBehind(t *testing.T) {
	c := connect(t)
	name := actor(t, connect(t), "probe", nil)
	watch := must[*Watch](t)(c.Watch(context.Background(), string(name), WatchOptions{}))
	monitor := must[*Monitor](t)(c.Monitor(context.Background(), name))
	events := c.Events()
	p := c.CallAsync(context.Background(), name, []any{"sleep", 50})
	check(t, c.Close())
	check(t, c.Close())
	if _, err := p.Wait(); !errors.Is(err, ErrClosed) {
		t.Errorf("in flight: %v", err)
	}
	if err := c.Ping(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
	ended(t, watch.C)
	if watch.Err() != ErrClosed {
		t.Errorf("the watch: %v", watch.Err())
	}
	if down := next(t, monitor.C); down.Reason != noconnection {
		t.Errorf("the monitor: %+v", down)
	}
	for range events {
	}
	if _, ok := <-c.Events(); ok {
		t.Error("an event of a closed client")
	}
}

func TestAddressesAreCompleted(t *testing.T) {
	for from, want := range map[string]string{
		"host": "host:7420", "host:1": "host:1", "host:": "host:7420", "::1": "[::1]:7420", "[::1]": "[::1]:7420",
		"[::1]:5": "[::1]:5", "127.0.0.1": "127.0.0.1:7420",
	} {
		if got, err := completeAddress(from); err != nil || got != want {
			t.Errorf("%s became %s, %v", from, got, err)
		}
	}
}

func TestNoFileIsLongerThanItMayBe(t *testing.T) {
	files, err := filepath.Glob("*.go")
	check(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(t, err)
		if lines := strings.Count(string(text), "\n"); lines > 400 {
			t.Errorf("%s has %d lines", file, lines)
		}
	}
}
