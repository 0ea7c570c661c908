package peeper

import (
	"context"
	"errors"
	"testing"
)

func changed(t *testing.T, w *Watch) *Changed {
	t.Helper()
	e := next(t, w.C)
	c, ok := e.(*Changed)
	if !ok {
		t.Fatalf("%+v is no Changed", e)
	}
	return c
}

func TestAWatchTellsEachChangeInOrder(t *testing.T) {
	c, ctx := connect(t), soon(t)
	name := actor(t, c, "counter", 5)
	w := must[*Watch](t)(c.Watch(ctx, string(name), WatchOptions{FromVersion: 1, WithOld: true}))
	all := must[*Watch](t)(c.Watch(ctx, t.Name(), WatchOptions{Prefix: true}))
	if e := changed(t, w); e.Version != 1 || e.Value != int64(5) || e.Old != nil || e.Ref != w.Ref() || e.At.IsZero() {
		t.Errorf("%+v", e)
	}
	for i := int64(6); i < 10; i++ {
		must[any](t)(c.Call(ctx, name, "inc"))
		for _, w := range []*Watch{w, all} {
			e := changed(t, w)
			if e.Value != i || e.Name != string(name) || (e.Old != nil) != (w != all) || e.Old != nil && e.Old.Value != i-1 {
				t.Errorf("%+v", e)
			}
		}
	}
	check(t, c.Stop(ctx, name, "done"))
	if e, ok := next(t, w.C).(*Ended); !ok || e.Reason != "done" || e.Value != int64(9) || e.Version != 5 {
		t.Errorf("%+v", e)
	}
}

func TestAWatchEndsWithItsContextAndByUnwatch(t *testing.T) {
	c, ctx := connect(t), soon(t)
	name := actor(t, c, "counter", nil)
	short, cancel := context.WithCancel(ctx)
	one := must[*Watch](t)(c.Watch(short, string(name), WatchOptions{}))
	two := must[*Watch](t)(c.Watch(ctx, string(name), WatchOptions{}))
	three := must[*Watch](t)(c.Watch(ctx, string(name), WatchOptions{}))
	cancel()
	ended(t, one.C)
	if !errors.Is(one.Err(), context.Canceled) {
		t.Errorf("%v", one.Err())
	}
	check(t, two.Unwatch(ctx))
	check(t, c.Unwatch(ctx, three.Ref()))
	check(t, c.Unwatch(ctx, 999999))
	must[any](t)(c.Call(ctx, name, "inc"))
	ended(t, two.C)
	ended(t, three.C)
	if two.Err() != nil {
		t.Errorf("%v", two.Err())
	}
	if info := must[*ActorInfo](t)(c.Inspect(ctx, name, 0)); info.Watchers != 0 {
		t.Errorf("%d watches are left", info.Watchers)
	}
	if _, err := c.Watch(ctx, "x", WatchOptions{Prefix: true, FromVersion: 1}); !errors.Is(err, StatusInvalid) {
		t.Errorf("%v", err)
	}
}

// Each version comes once, in order, or is part of a Gap; the last one comes.
func TestAWatchGoesOnAfterALostConnectionWithoutAHole(t *testing.T) {
	p := startProxy(t, shared.Address)
	c, other, ctx := connectTo(t, p.address(), Options{}), connect(t), soon(t)
	name := Name(t.Name())
	must[*Started](t)(other.Start(ctx, StartOptions{Name: string(name), Behaviour: "counter", Generations: 16}))
	defer other.Stop(ctx, name, nil)
	w := must[*Watch](t)(c.Watch(ctx, string(name), WatchOptions{FromVersion: 1}))
	const last = 400
	done := make(chan error, 1)
	go func() {
		for i := 0; i < last; i++ {
			if _, err := other.Call(ctx, name, "inc"); err != nil {
				done <- err
				return
			}
			if i%50 == 25 {
				p.cut()
			}
		}
		done <- nil
	}()
	for seen := uint64(0); seen < last+1; {
		switch e := next(t, w.C).(type) {
		case *Changed:
			if e.Version != seen+1 || e.Value != int64(e.Version-1) {
				t.Fatalf("version %d, %v after %d", e.Version, e.Value, seen)
			}
			seen = e.Version
		case *Gap:
			if e.FirstVersion != seen+1 || e.LastVersion < e.FirstVersion {
				t.Fatalf("%+v after %d", e, seen)
			}
			seen = e.LastVersion
		}
	}
	check(t, next(t, done))
}

func TestASlowConsumerIsToldWhatItMissedAndThenTheNewest(t *testing.T) {
	c, ctx := connectTo(t, shared.Address, Options{EventsMax: 4}), soon(t)
	name := actor(t, c, "counter", nil)
	w := must[*Watch](t)(c.Watch(ctx, string(name), WatchOptions{FromVersion: 1}))
	all := must[*Watch](t)(c.Watch(ctx, t.Name(), WatchOptions{Prefix: true}))
	const last = 100
	for i := 0; i < last; i++ {
		must[any](t)(c.Call(ctx, name, "inc"))
	}
	gaps := 0
	for seen := uint64(0); seen < last+1; {
		switch e := next(t, w.C).(type) {
		case *Changed:
			if e.Version != seen+1 {
				t.Fatalf("version %d after %d", e.Version, seen)
			}
			seen = e.Version
		case *Gap:
			if e.FirstVersion != seen+1 {
				t.Fatalf("%+v after %d", e, seen)
			}
			gaps++
			seen = e.LastVersion
		}
	}
	if gaps != 1 {
		t.Errorf("%d gaps", gaps)
	}
	// The other watch has only a Gap for what was left out, and goes on behind it.
	gaps = 0
	for seen, awaited := uint64(0), uint64(0); awaited == 0 || seen != awaited; {
		switch e := next(t, all.C).(type) {
		case *Changed:
			if e.Version <= seen {
				t.Fatalf("version %d after %d", e.Version, seen)
			}
			seen = e.Version
		case *Gap:
			if e.Name != "" || e.Ref != all.Ref() {
				t.Errorf("%+v", e)
			}
			gaps++
			awaited = uint64(must[any](t)(c.Call(ctx, name, "inc")).(int64)) + 1
		}
	}
	if gaps == 0 {
		t.Error("no gap")
	}
}

func TestWhatAWatchCannotAskForAgainIsAGap(t *testing.T) {
	p := startProxy(t, shared.Address)
	c, ctx := connectTo(t, p.address(), Options{}), soon(t)
	name := actor(t, connect(t), "counter", nil)
	all := must[*Watch](t)(c.Watch(ctx, t.Name(), WatchOptions{Prefix: true}))
	fresh := must[*Watch](t)(c.Watch(ctx, string(name), WatchOptions{}))
	p.cut()
	if e, ok := next(t, all.C).(*Gap); !ok || e.Name != "" {
		t.Errorf("%+v", e)
	}
	if e, ok := next(t, fresh.C).(*Gap); !ok || e.Name != string(name) || e.LastVersion != 0 {
		t.Errorf("%+v", e)
	}
	eventually(t, "both watch again", func() bool {
		info, err := c.Inspect(ctx, name, 0)
		return err == nil && info.Watchers == 2
	})
	must[any](t)(c.Call(ctx, name, "inc"))
	for _, w := range []*Watch{all, fresh} {
		if e := changed(t, w); e.Value != int64(1) {
			t.Errorf("%+v", e)
		}
	}
}
