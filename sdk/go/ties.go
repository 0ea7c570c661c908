package peeper

import (
	"context"
	"sync"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/proto"
)

// noconnection is the reason of monitors and links that ended with their connection.
const noconnection = "noconnection"

// ties is what binds a connection to actors: monitors, links and watches. It hears events on the reader's goroutine, in
// the order of the wire.
type ties struct {
	mu       sync.Mutex
	ended    bool
	monitors map[uint64]*Monitor
	links    map[tie]struct{}
	watches  map[*Watch]struct{} // all that are alive
	byRef    map[uint64]*Watch   // by their reference on this connection
	asked    map[uint64]*Watch   // by the id of the request that resumes them
	lastID   uint64
}

// tie is one end of a link: a name or an incarnation.
type tie struct {
	name string
	id   Incarnation
}

func (t *ties) init() {
	t.monitors = map[uint64]*Monitor{}
	t.links = map[tie]struct{}{}
	t.watches = map[*Watch]struct{}{}
	t.byRef = map[uint64]*Watch{}
	t.asked = map[uint64]*Watch{}
}

// Down says how a monitored incarnation ended.
type Down struct {
	Ref    uint64
	ID     Incarnation // 0 where nobody had the name
	Name   string      // the name that was used to monitor it
	Reason any         // "noproc": nobody was there; "noconnection": the connection was lost
}

// Monitor waits for the end of one incarnation.
type Monitor struct {
	// C gets one Down and is closed. It is closed without one when the monitor ends before.
	C <-chan Down

	client *Client
	ref    uint64
	target tie
	out    chan Down     // C
	over   chan struct{} // closed with C
	left   bool          // nobody waits any more; guarded by ties.mu
}

// Ref is the monitor's reference on the server.
func (m *Monitor) Ref() uint64 { return m.ref }

func newMonitor(c *Client, target tie) *Monitor {
	m := &Monitor{client: c, target: target, out: make(chan Down, 1), over: make(chan struct{})}
	m.C = m.out
	return m
}

// Monitor watches the present incarnation of the target until it ends, or ctx does. The end comes through Monitor.C,
// also where a restart follows.
func (c *Client) Monitor(ctx context.Context, target Target, options ...Option) (*Monitor, error) {
	r := newRequest(verbMonitor)
	if err := aim(r, target); err != nil {
		return nil, err
	}
	m := newMonitor(c, tieOf(target))
	r.hook = func(a answer) {
		var monitored peeperv1.Monitored
		if a.field == verbMonitor.answer && proto.Unmarshal(a.body, &monitored) == nil {
			c.ties.monitor(c, m, monitored.Ref)
		}
	}
	if err := c.do(ctx, r, join(options), nil); err != nil {
		c.ties.leave(c, m)
		return nil, err
	}
	c.leaveWith(ctx, m)
	return m, nil
}

// leaveWith ends the monitor with ctx.
func (c *Client) leaveWith(ctx context.Context, m *Monitor) {
	if ctx.Done() == nil {
		return
	}
	c.spawn(func() {
		select {
		case <-ctx.Done():
			c.ties.leave(c, m)
		case <-m.over:
		case <-c.ctx.Done():
		}
	})
}

// spawn starts a goroutine that ends when c.ctx does; Close waits for it.
func (c *Client) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.pumps.Add(1)
	go func() {
		defer c.pumps.Done()
		f()
	}()
	return true
}

// monitor enters a monitor that the server has made.
func (t *ties) monitor(c *Client, m *Monitor, ref uint64) {
	t.mu.Lock()
	gone := m.left || t.ended
	m.ref = ref
	if !gone {
		t.monitors[ref] = m
	}
	t.mu.Unlock()
	if gone {
		c.post(verbDemonitor, 0, refBody(nil, ref))
	}
}

// leave ends a monitor without a Down.
func (t *ties) leave(c *Client, m *Monitor) {
	t.mu.Lock()
	m.left = true
	there := t.monitors[m.ref] == m
	if there {
		delete(t.monitors, m.ref)
		m.close()
	}
	t.mu.Unlock()
	if there {
		c.post(verbDemonitor, 0, refBody(nil, m.ref))
	}
}

func (m *Monitor) close() {
	close(m.out)
	close(m.over)
}

// Demonitor ends a monitor by its reference, which need not be in use. Afterwards its channel is closed; a Down that was
// there before stays, unless it is to be flushed.
func (c *Client) Demonitor(ctx context.Context, ref uint64, flush bool, options ...Option) error {
	r := newRequest(verbDemonitor)
	r.body = refBody(r.body, ref)
	if flush {
		r.body = append(r.body, 2<<3, 1)
	}
	r.hook = func(answer) {
		c.ties.mu.Lock()
		defer c.ties.mu.Unlock()
		if m := c.ties.monitors[ref]; m != nil {
			delete(c.ties.monitors, ref)
			m.close()
		}
	}
	return c.do(ctx, r, join(options), nil)
}

// Demonitor ends the monitor; with flush also a Down that waits in C is thrown away.
func (m *Monitor) Demonitor(ctx context.Context, flush bool) error {
	err := m.client.Demonitor(ctx, m.ref, flush)
	if flush {
		select {
		case <-m.out:
		default:
		}
	}
	return err
}

// Link ties this client and the target's present incarnation to each other. Its end comes as an Exit through
// Client.Events; the end of the connection is an exit with the reason "noconnection" on both sides.
func (c *Client) Link(ctx context.Context, target Target, options ...Option) error {
	return c.tie(ctx, verbLink, target, options, func(t *ties) { t.links[tieOf(target)] = struct{}{} })
}

// Unlink removes a link; where there is none it does nothing. No Exit of it comes afterwards.
func (c *Client) Unlink(ctx context.Context, target Target, options ...Option) error {
	return c.tie(ctx, verbUnlink, target, options, func(t *ties) { delete(t.links, tieOf(target)) })
}

func (c *Client) tie(ctx context.Context, v *verb, target Target, options []Option, change func(*ties)) error {
	r := newRequest(v)
	if err := aim(r, target); err != nil {
		return err
	}
	r.hook = func(a answer) {
		if a.field == answerDone {
			c.ties.mu.Lock()
			change(&c.ties)
			c.ties.mu.Unlock()
		}
	}
	return c.do(ctx, r, join(options), nil)
}

func (t *ties) link(id Incarnation) {
	t.mu.Lock()
	t.links[tie{id: id}] = struct{}{}
	t.mu.Unlock()
}

// event takes what the server tells.
func (t *ties) event(c *Client, e *peeperv1.Event) {
	switch kind := e.Kind.(type) {
	case *peeperv1.Event_Goodbye:
		c.tell(&Goodbye{kind.Goodbye.Message})
	case *peeperv1.Event_UpgradeProgress:
		p := kind.UpgradeProgress
		c.tell(&UpgradeProgress{Behaviour: p.Behaviour, Done: p.Done, Total: p.Total, Refused: p.Refused})
	case *peeperv1.Event_Exit:
		p := kind.Exit
		t.mu.Lock()
		delete(t.links, tie{name: p.Name})
		delete(t.links, tie{id: Incarnation(p.Id)})
		t.mu.Unlock()
		c.tell(&Exit{ID: Incarnation(p.Id), Name: p.Name, Reason: lenient(p.Reason)})
	case *peeperv1.Event_Down:
		p := kind.Down
		t.mu.Lock()
		defer t.mu.Unlock()
		if m := t.monitors[p.Ref]; m != nil {
			t.down(m, Down{Ref: p.Ref, ID: Incarnation(p.Id), Name: p.Name, Reason: lenient(p.Reason)})
		}
	default:
		t.watched(e)
	}
}

// down needs mu.
func (t *ties) down(m *Monitor, down Down) {
	delete(t.monitors, m.ref)
	m.out <- down
	m.close()
}

// lose ends what ends with a connection.
func (t *ties) lose(c *Client) {
	t.mu.Lock()
	for ref, m := range t.monitors {
		t.down(m, Down{Ref: ref, ID: m.target.id, Name: m.target.name, Reason: noconnection})
	}
	links := t.links
	t.links = map[tie]struct{}{}
	t.byRef = map[uint64]*Watch{}
	t.asked = map[uint64]*Watch{}
	t.mu.Unlock()
	for link := range links {
		c.tell(&Exit{ID: link.id, Name: link.name, Reason: noconnection})
	}
}

// endAll is the end of the client: nothing is entered any more.
func (t *ties) endAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}
