package peeper

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestAMonitorTellsTheEndOfItsIncarnationOnce(t *testing.T) {
	c, ctx := connect(t), soon(t)
	s := must[*Started](t)(c.Start(ctx, StartOptions{Behaviour: "probe", Monitor: true}))
	m := must[*Monitor](t)(c.Monitor(ctx, s.ID))
	check(t, c.Stop(ctx, s.ID, []any{"shutdown", 1}))
	for _, m := range []*Monitor{m, s.Monitor} {
		down := next(t, m.C)
		if fmt.Sprint(down.Reason) != "[shutdown 1]" || down.ID != s.ID || down.Ref != m.Ref() {
			t.Errorf("%+v", down)
		}
		ended(t, m.C)
	}
	if down := next(t, must[*Monitor](t)(c.Monitor(ctx, Name("nobody"))).C); down.Reason != "noproc" || down.Name != "nobody" {
		t.Errorf("%+v", down)
	}
}

func TestAMonitorEndsWithItsContextAndByDemonitor(t *testing.T) {
	c, ctx := connect(t), soon(t)
	name := actor(t, c, "probe", nil)
	short, cancel := context.WithCancel(ctx)
	m := must[*Monitor](t)(c.Monitor(short, name))
	cancel()
	ended(t, m.C)
	m = must[*Monitor](t)(c.Monitor(ctx, name))
	check(t, m.Demonitor(ctx, false))
	ended(t, m.C)
	check(t, c.Demonitor(ctx, 999999, true))
	// A Down that is there already goes with flush only.
	for _, flush := range []bool{false, true} {
		m = must[*Monitor](t)(c.Monitor(ctx, Name("nobody")))
		<-m.over
		check(t, m.Demonitor(ctx, flush))
		if _, ok := <-m.C; ok == flush {
			t.Errorf("with flush %v there is a Down: %v", flush, ok)
		}
	}
	if _, err := c.Monitor(short, name); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: %v", err)
	}
	eventually(t, "no monitor is left", func() bool {
		info, err := c.Inspect(ctx, name, 0)
		c.ties.mu.Lock()
		defer c.ties.mu.Unlock()
		return err == nil && info != nil && len(c.ties.monitors) == 0
	})
}

// eventually polls what no event announces.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("not within 20 s: " + what)
		}
	}
}

func exit(t *testing.T, events <-chan Event) *Exit {
	t.Helper()
	for {
		if e, ok := next(t, events).(*Exit); ok {
			return e
		}
	}
}

func TestExitsOfLinksComeThroughEvents(t *testing.T) {
	p := startProxy(t, shared.Address)
	c, ctx := connectTo(t, p.address(), Options{}), soon(t)
	other := connect(t)
	name := actor(t, other, "probe", nil)
	events := c.Events()
	check(t, c.Link(ctx, Name("nobody")))
	if e := exit(t, events); e.Reason != "noproc" || e.ID != 0 {
		t.Errorf("%+v", e)
	}
	check(t, c.Link(ctx, name))
	check(t, c.Unlink(ctx, name))
	check(t, c.Link(ctx, name))
	check(t, other.Stop(ctx, name, "enough"))
	if e := exit(t, events); e.Reason != "enough" || e.Name != string(name) {
		t.Errorf("%+v", e)
	}
	child := must[*Started](t)(c.Start(ctx, StartOptions{Behaviour: "probe", Link: true, Restart: RestartTemporary}))
	p.cut()
	if e := exit(t, events); e.Reason != noconnection || e.ID != child.ID {
		t.Errorf("%+v", e)
	}
	eventually(t, "the child ends with the connection", func() bool {
		id, err := other.WhereIs(ctx, child.ID)
		return id == 0 && err == nil
	})
}

func TestEventsThatNobodyTakesAreCounted(t *testing.T) {
	c, ctx := connectTo(t, shared.Address, Options{EventsMax: 3}), soon(t)
	for i := 0; i < 5; i++ {
		check(t, c.Link(ctx, Name(fmt.Sprint("nobody-", i))))
	}
	check(t, c.Ping(ctx))
	events := c.Events()
	for i := 0; i < 3; i++ {
		exit(t, events)
	}
	if lost, ok := next(t, events).(*Lost); !ok || lost.Count != 2 {
		t.Errorf("%+v", lost)
	}
}

func TestNobodyWaitsForARequestThatWasGivenUp(t *testing.T) {
	p := startProxy(t, shared.Address)
	c, ctx := connectTo(t, p.address(), Options{}), soon(t)
	name := actor(t, connect(t), "counter", nil)
	check(t, c.Ping(ctx))
	// The answers come after the callers have gone: what they made is taken back.
	short, cancel := context.WithCancel(ctx)
	results := make(chan error, 2)
	p.hold(true)
	go func() {
		_, err := c.Monitor(short, name)
		results <- err
	}()
	go func() {
		_, err := c.Watch(short, string(name), WatchOptions{})
		results <- err
	}()
	written(t, c, 2)
	cancel()
	for i := 0; i < 2; i++ {
		if err := next(t, results); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	}
	p.hold(false)
	p.cut()
	check(t, c.Ping(ctx))
	eventually(t, "nothing watches", func() bool {
		info, err := c.Inspect(ctx, name, 0)
		return err == nil && info.Watchers == 0
	})
}
