package peeper

import (
	"context"
	"runtime"
	"sync"
	"time"

	"peeper/sdk/go/gen/peeperv1"
)

// Client is one connection to a peeperd, made again whenever it is lost. All its methods may be used by any number of
// goroutines at once.
//
// When the connection is lost, requests that had not been written wait for the next one. Those that had been written are
// repeated if they only read, or have an idempotency key that the server honours; others fail with a DisconnectedError
// whose MaybeRan is true. Monitors and links end, with the reason "noconnection"; watches go on where they were.
type Client struct {
	address   string
	options   Options
	epoch     time.Time
	ctx       context.Context // ends with the client
	cancel    context.CancelFunc
	ended     chan struct{}  // closed when the goroutine that writes is gone
	pumps     sync.WaitGroup // goroutines that hand events over
	wake      chan struct{}  // capacity 1: there is something for the writer
	events    *mailbox[Event]
	eventsOut chan Event // nil until somebody asks for it
	sweeper   *time.Timer

	mu       sync.Mutex
	closed   bool
	session  *session          // nil while there is no connection
	welcome  *peeperv1.Welcome // the last one
	refused  error             // why the last attempt to connect failed
	idle     bool              // the writer waits for wake
	sweeping bool
	seq      uint64
	slots    []*request
	uses     []uint64 // how often each slot was used; makes ids unique
	free     []int    // slots
	queue    list     // to be written
	waiting  list     // for a slot
	ties     ties
}

// Connect connects to a server: "host:port", or a host alone for port 7420. It tries again until it has been welcomed,
// ctx ends or Options.ConnectTimeout has passed; then it is a ConnectError. What is no peeperd is one at once, and a server
// that refuses this client is StatusUnauthenticated or StatusUnsupportedVersion at once.
func Connect(ctx context.Context, address string, options Options) (*Client, error) {
	address, err := completeAddress(address)
	if err != nil {
		return nil, err
	}
	if err := options.check(); err != nil {
		return nil, err
	}
	c := &Client{address: address, options: options.withDefaults(), epoch: time.Now(), ended: make(chan struct{}),
		wake: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.slots = make([]*request, c.options.RequestsMax)
	c.uses = make([]uint64, c.options.RequestsMax)
	for slot := range c.slots {
		c.free = append(c.free, len(c.slots)-1-slot)
	}
	c.events = newMailbox[Event](c.options.EventsMax)
	c.events.left = func(count uint64) Event { return &Lost{count} }
	c.ties.init()
	c.sweeper = time.AfterFunc(time.Hour, c.sweep)
	c.sweeper.Stop()

	connecting, done := context.WithTimeout(ctx, c.options.ConnectTimeout)
	defer done()
	first, err := c.connect(connecting)
	if err != nil {
		c.cancel()
		return nil, err
	}
	c.welcome = first.welcome
	go c.run(first)
	return c, nil
}

// Close ends the client. Requests that have no answer yet are ErrClosed, though they may have run; watches, monitors and
// Events end. It returns when all goroutines of the client have ended. Closing twice is fine.
func (c *Client) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		c.sweeper.Stop()
		c.cancel()
		if c.session != nil {
			c.session.conn.Close()
		}
		c.failAll(ErrClosed)
	}
	c.mu.Unlock()
	<-c.ended
	c.pumps.Wait()
	return nil
}

// now counts from the beginning of the client.
func (c *Client) now() time.Duration { return time.Since(c.epoch) }

// begin gives the request its deadline and sends it off.
func (c *Client) begin(ctx context.Context, r *request, option Option) error {
	timeout := option.timeout
	if err := ctx.Err(); err != nil {
		return &TimeoutError{Cause: err}
	}
	limit, has := ctx.Deadline()
	switch {
	case timeout > 0:
		r.explicit = true
		r.deadline = c.now() + timeout
		if has && limit.Sub(c.epoch) < r.deadline {
			r.deadline = limit.Sub(c.epoch)
		}
	case timeout < 0:
		return &InvalidArgumentError{"Timeout", "it is below 0"}
	case has:
		r.deadline = limit.Sub(c.epoch)
	case r.verb.patience > 0:
		r.deadline = c.now() + r.verb.patience
	default:
		r.deadline = c.now() + c.options.RequestTimeout
	}
	c.mu.Lock()
	err := c.submit(r)
	c.mu.Unlock()
	if err == nil && option.sent != nil {
		option.sent()
	}
	return err
}

// submit needs mu.
func (c *Client) submit(r *request) error {
	if c.closed {
		return ErrClosed
	}
	c.seq++
	r.seq = c.seq
	if !c.sweeping {
		c.sweeping = true
		c.sweeper.Reset(sweepPeriod)
	}
	if len(c.free) > 0 && c.waiting.count == 0 {
		c.enqueue(r)
		return nil
	}
	if c.waiting.count >= c.options.WaitingMax {
		return ErrTooManyRequests
	}
	r.place = placeWaiting
	c.waiting.push(r)
	return nil
}

// enqueue gives the request a slot, of which there must be one, and hands it to the writer. It needs mu.
func (c *Client) enqueue(r *request) {
	r.slot = c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	c.slots[r.slot] = r
	c.uses[r.slot]++
	r.id = c.uses[r.slot]*uint64(len(c.slots)) + uint64(r.slot)
	r.place = placeQueued
	c.queue.push(r)
	c.wakeWriter()
}

func (c *Client) wakeWriter() {
	if c.idle {
		c.idle = false
		c.wake <- struct{}{}
	}
}

// find answers the request of that id, or nil if nobody waits for it any more. It needs mu.
func (c *Client) find(id uint64) *request {
	r := c.slots[id%uint64(len(c.slots))]
	if r == nil || r.id != id {
		return nil
	}
	return r
}

// finish tells the caller. It needs mu.
func (c *Client) finish(r *request, err error) {
	switch r.place {
	case placeWaiting:
		c.waiting.remove(r)
	case placeQueued:
		c.queue.remove(r)
		c.release(r)
	case placeWritten:
		c.release(r)
	}
	r.place = placeDone
	r.err = err
	if r.abandoned {
		r.recycle()
		return
	}
	r.told <- struct{}{}
}

func (c *Client) release(r *request) {
	c.slots[r.slot] = nil
	c.free = append(c.free, r.slot)
	if next := c.waiting.pop(); next != nil {
		c.enqueue(next)
	}
}

// failAll needs mu.
func (c *Client) failAll(err error) {
	for c.waiting.first != nil {
		c.finish(c.waiting.first, err)
	}
	for _, r := range c.slots {
		if r != nil {
			c.finish(r, err)
		}
	}
}

// await waits for the answer. Afterwards the request is the caller's, to be recycled, unless it answers false: then ctx
// has ended, and the request is not the caller's any more.
func (c *Client) await(ctx context.Context, r *request) (bool, error) {
	if ctx.Done() == nil {
		<-r.told
		return true, r.err
	}
	select {
	case <-r.told:
		return true, r.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	if r.place == placeDone {
		c.mu.Unlock()
		<-r.told
		return true, r.err
	}
	failure := &TimeoutError{MaybeRan: r.place == placeWritten, Cause: ctx.Err()}
	r.abandoned = true
	if r.place != placeWritten {
		c.finish(r, failure)
	}
	c.mu.Unlock()
	return false, failure
}

// do sends a request and waits for its answer; take, if not nil, gets the answer's body, which is good until it returns.
func (c *Client) do(ctx context.Context, r *request, option Option, take func(answer) error) error {
	if err := c.begin(ctx, r, option); err != nil {
		r.recycle()
		return err
	}
	return c.end(ctx, r, take)
}

// end waits for the answer of what was begun.
func (c *Client) end(ctx context.Context, r *request, take func(answer) error) error {
	mine, err := c.await(ctx, r)
	if !mine {
		return err
	}
	defer r.recycle()
	switch {
	case err != nil:
		return err
	case r.field == answerError:
		return errorOf(r.reply)
	case r.field != r.verb.answer && (r.verb.answer != 0 || r.field != answerReply && r.field != answerDone):
		return &DisconnectedError{MaybeRan: true, Cause: errFrame}
	case take != nil:
		return take(answer{field: r.field, body: r.reply})
	}
	return nil
}

const sweepPeriod = 50 * time.Millisecond

// sweep gives up requests that the server should have answered long ago, and a connection that is dead.
func (c *Client) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	now := c.now()
	for _, r := range c.slots {
		if r == nil || now < r.deadline || r.place == placeWritten && now < r.deadline+graceTime {
			continue
		}
		written := r.place == placeWritten
		if written && c.session != nil && c.session.reads == r.reads {
			c.session.fail(errSilent)
		}
		c.finish(r, c.late(written))
	}
	for r := c.waiting.first; r != nil; {
		next := r.next
		if now >= r.deadline {
			c.finish(r, c.late(false))
		}
		r = next
	}
	c.sweeping = len(c.free) < len(c.slots) || c.waiting.count > 0
	if c.sweeping {
		c.sweeper.Reset(sweepPeriod)
	}
}

// late is what a request fails with that the client gives up. It needs mu.
func (c *Client) late(written bool) error {
	cause := error(context.DeadlineExceeded)
	if !written && c.session == nil && c.refused != nil {
		cause = &notConnected{c.refused}
	}
	return &TimeoutError{MaybeRan: written, Cause: cause}
}

// notConnected is a deadline that passed while there was no connection, with the reason.
type notConnected struct{ reason error }

func (e *notConnected) Error() string        { return "not connected: " + e.reason.Error() }
func (e *notConnected) Unwrap() error        { return e.reason }
func (e *notConnected) Is(target error) bool { return target == context.DeadlineExceeded }

// yield lets goroutines that are about to send do so, that one system call takes the frames of all.
func yield() { runtime.Gosched() }
