package peeper

import (
	"context"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/proto"
)

// WatchOptions say what a watch tells besides the changes that are still to come.
type WatchOptions struct {
	// Prefix: the name is what names begin with; "" means all actors that have a name.
	Prefix bool
	// FromVersion is the first version that is wanted; what the server still has from there on is told first. 0: only
	// what comes from now on. 1: also the newest state, and those before it that are kept. Not with Prefix.
	FromVersion uint64
	// Unit is whose versions FromVersion counts. 0: whoever has the name.
	Unit uint64
	// WithOld: Changed shall have the state before.
	WithOld bool
}

// Watch is a stream of changes of states. When the connection is lost it goes on, on the next one, behind the last
// version that came; a consumer that is too slow finds a Gap.
type Watch struct {
	// C is closed when the watch ends; Err says why.
	C <-chan Event

	client  *Client
	name    string
	options WatchOptions
	label   uint64
	out     chan Event // C
	over    chan struct{}
	box     *mailbox[*peeperv1.Event]

	// guarded by ties.mu
	left    bool
	err     error
	ref     uint64 // on this connection; 0: none now
	unit    uint64 // of the last event
	version uint64 // the last one that was told; 0: none
}

// ownID marks ids of requests that the client makes for itself.
const ownID = 1 << 62

// Watch tells each committed change of state of one name, or of all with a prefix, until ctx ends or Unwatch. Nobody
// needs to have the name yet. Up to Options.EventsMax events wait for who reads them.
func (c *Client) Watch(ctx context.Context, name string, o WatchOptions, options ...Option) (*Watch, error) {
	w := &Watch{client: c, name: name, options: o, unit: o.Unit, out: make(chan Event),
		over: make(chan struct{}), box: newMailbox[*peeperv1.Event](c.options.EventsMax)}
	w.C = w.out
	if o.Prefix {
		// What was missed cannot be asked for again.
		w.box.left = func(uint64) *peeperv1.Event { return gapOf("") }
	}
	r := newRequest(verbWatch)
	r.body = append(r.body, w.request()...)
	r.hook = func(a answer) { c.ties.watching(c, w, a) }
	if err := c.do(ctx, r, join(options), nil); err != nil {
		c.ties.unwatch(c, w, nil)
		return nil, err
	}
	if !c.spawn(func() { w.pump(ctx) }) {
		return nil, ErrClosed
	}
	return w, nil
}

// Ref names the watch, in its events and for Unwatch. It stays the same when the watch is resumed.
func (w *Watch) Ref() uint64 { return w.label }

// Err says why C was closed: nil after Unwatch, else what ended the watch.
func (w *Watch) Err() error {
	w.client.ties.mu.Lock()
	defer w.client.ties.mu.Unlock()
	return w.err
}

// Unwatch ends the watch; no event of it comes afterwards.
func (w *Watch) Unwatch(ctx context.Context) error { return w.client.unwatch(ctx, w, 0, nil) }

// Unwatch ends a watch by its reference, which need not be in use.
func (c *Client) Unwatch(ctx context.Context, ref uint64, options ...Option) error {
	c.ties.mu.Lock()
	var found *Watch
	for w := range c.ties.watches {
		if w.label == ref {
			found = w
		}
	}
	c.ties.mu.Unlock()
	return c.unwatch(ctx, found, ref, options)
}

func (c *Client) unwatch(ctx context.Context, w *Watch, ref uint64, options []Option) error {
	if w != nil {
		if ref = c.ties.drop(w, nil); ref == 0 {
			return nil
		}
	}
	r := newRequest(verbUnwatch)
	r.body = refBody(r.body, ref)
	return c.do(ctx, r, join(options), nil)
}

// request is the body that asks for what was not told yet. After the first time it needs ties.mu.
func (w *Watch) request() []byte {
	p := &peeperv1.Watch{Name: w.name, Prefix: w.options.Prefix, FromVersion: w.options.FromVersion,
		WithOld: w.options.WithOld, Unit: w.unit}
	if w.version != 0 && !w.options.Prefix {
		p.FromVersion = w.version + 1
	}
	body, _ := proto.Marshal(p) // what is not UTF-8 was refused the first time
	return body
}

func gapOf(name string) *peeperv1.Event {
	return &peeperv1.Event{Kind: &peeperv1.Event_Gap{Gap: &peeperv1.Gap{Name: name}}}
}

// watching takes the answer to a Watch.
func (t *ties) watching(c *Client, w *Watch, a answer) {
	if a.field == answerError {
		if w.label != 0 {
			t.unwatch(c, w, errorOf(a.body))
		}
		return
	}
	var p peeperv1.Watching
	if a.field != verbWatch.answer || proto.Unmarshal(a.body, &p) != nil {
		return
	}
	t.mu.Lock()
	gone := w.left || t.ended
	if !gone {
		w.ref = p.Ref
		if w.label == 0 {
			w.label = p.Ref
		}
		t.watches[w] = struct{}{}
		t.byRef[p.Ref] = w
	}
	t.mu.Unlock()
	if gone {
		c.post(verbUnwatch, 0, refBody(nil, p.Ref))
	}
}

// drop ends the watch here and answers what the server knows it by, 0 if it does not.
func (t *ties) drop(w *Watch, err error) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.left {
		return 0
	}
	ref := w.ref
	w.left, w.err, w.ref = true, err, 0
	delete(t.watches, w)
	delete(t.byRef, ref)
	close(w.over)
	return ref
}

// unwatch ends the watch, and tells the server.
func (t *ties) unwatch(c *Client, w *Watch, err error) {
	if ref := t.drop(w, err); ref != 0 {
		c.post(verbUnwatch, 0, refBody(nil, ref))
	}
}

// resumption is a request that resumes a watch.
type resumption struct {
	id   uint64
	body []byte
}

// resume makes the requests that bring all watches to a new connection.
func (t *ties) resume() []resumption {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []resumption
	for w := range t.watches {
		w.ref = 0
		if w.options.Prefix || w.version == 0 && w.options.FromVersion == 0 {
			w.box.push(gapOf(map[bool]string{false: w.name}[w.options.Prefix]))
		}
		all = append(all, t.ask(w))
	}
	return all
}

// ask needs mu.
func (t *ties) ask(w *Watch) resumption {
	t.lastID++
	id := ownID | t.lastID
	t.asked[id] = w
	return resumption{id, w.request()}
}

// resumed takes the answer to a request that resumes a watch.
func (t *ties) resumed(c *Client, a answer) {
	t.mu.Lock()
	w := t.asked[a.id]
	delete(t.asked, a.id)
	t.mu.Unlock()
	if w != nil {
		t.watching(c, w, a)
		return
	}
	// It was for the connection before.
	var p peeperv1.Watching
	if a.field == verbWatch.answer && proto.Unmarshal(a.body, &p) == nil {
		c.post(verbUnwatch, 0, refBody(nil, p.Ref))
	}
}

// watched gives an event to its watch.
func (t *ties) watched(e *peeperv1.Event) {
	var ref, unit, version uint64
	told := false // it tells a version by itself, which may have come before
	switch kind := e.Kind.(type) {
	case *peeperv1.Event_Changed:
		ref, unit, version, told = kind.Changed.Ref, kind.Changed.Unit, kind.Changed.Version, true
	case *peeperv1.Event_Ended:
		ref = kind.Ended.Ref
	case *peeperv1.Event_SteppedBack:
		ref = kind.SteppedBack.Ref
	case *peeperv1.Event_Gap:
		ref, unit, version = kind.Gap.Ref, kind.Gap.Unit, kind.Gap.LastVersion
	default:
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.byRef[ref]
	if w == nil || told && !w.options.Prefix && unit == w.unit && version <= w.version {
		return
	}
	if w.box.push(e) && version != 0 {
		w.unit, w.version = unit, version
	}
}

// pump hands events over until the watch ends.
func (w *Watch) pump(ctx context.Context) {
	c := w.client
	defer close(w.out)
	for {
		e, ok, lagging := w.box.take()
		if lagging {
			c.ties.catchUp(c, w)
		}
		var out chan Event
		var event Event
		if ok {
			if event = watched(e, w.label); event == nil {
				continue
			}
			out = w.out
		}
		select {
		case out <- event:
		case <-w.kickUnless(ok):
		case <-w.over:
			return
		case <-ctx.Done():
			c.ties.unwatch(c, w, ctx.Err())
			return
		case <-c.ctx.Done():
			c.ties.drop(w, ErrClosed)
			return
		}
	}
}

func (w *Watch) kickUnless(busy bool) chan struct{} {
	if busy {
		return nil
	}
	return w.box.kick
}

// catchUp asks for what a slow consumer has missed, now that it has taken everything else.
func (t *ties) catchUp(c *Client, w *Watch) {
	t.mu.Lock()
	ref := w.ref
	delete(t.byRef, ref)
	w.ref = 0
	w.box.reset()
	var again resumption
	if ref != 0 && !w.left {
		again = t.ask(w)
	}
	t.mu.Unlock()
	if again.id == 0 {
		return // the next connection asks
	}
	c.post(verbUnwatch, 0, refBody(nil, ref))
	c.post(verbWatch, again.id, again.body)
}
