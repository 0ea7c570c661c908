package peeper

import (
	"context"
	"errors"
	"math/rand"
	"net"
	"sort"
	"time"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// session is one connection that has been welcomed.
type session struct {
	conn       net.Conn
	in         *frameReader
	welcome    *peeperv1.Welcome
	readerGone chan struct{}

	// guarded by Client.mu
	lost  bool
	cause error
	reads uint64 // how often something came

	// the writer's own
	out   []byte
	marks []mark
}

// mark remembers which request ends where in what is being written.
type mark struct {
	id  uint64
	end int
}

const batchBytesMax = 256 << 10

var (
	errSilent    = errors.New("the server did not answer anything in time")
	errSaidClose = errors.New("the server closed the connection")
)

// fail ends the connection for that reason, unless it is ending. It needs Client.mu.
func (s *session) fail(cause error) {
	if !s.lost {
		s.lost = true
		s.cause = cause
		s.conn.Close()
	}
}

// pause is what to wait after the attempt of that number, from 0.
func pause(attempt int) time.Duration {
	longest := pauseMax
	if attempt < 7 {
		longest = pauseMin << attempt
	}
	return longest/2 + time.Duration(rand.Int63n(int64(longest/2)+1))
}

// attemptsKept is how many failures a ConnectError tells.
const attemptsKept = 16

// connect tries until it is welcomed, or ctx ends, or the server says that it never will.
func (c *Client) connect(ctx context.Context) (*session, error) {
	failure := &ConnectError{Address: c.address}
	for attempt := 0; ; attempt++ {
		s, err := c.greet(ctx)
		if err == nil {
			return s, nil
		}
		if len(failure.Attempts) == attemptsKept {
			failure.Attempts = append(failure.Attempts[:0], failure.Attempts[1:]...)
		}
		failure.Attempts = append(failure.Attempts, err)
		if status, ok := err.(*Error); ok && hopeless(err) {
			return nil, status
		} else if hopeless(err) {
			return nil, failure
		}
		timer := time.NewTimer(pause(attempt))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, failure
		}
	}
}

// hopeless says that trying again will not help.
func hopeless(err error) bool {
	return errors.Is(err, StatusUnauthenticated) || errors.Is(err, StatusUnsupportedVersion) || errors.Is(err, errFrame)
}

// greet makes one connection and says hello on it.
func (c *Client) greet(ctx context.Context) (*session, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	// The end of ctx ends what blocks below.
	done, watcher := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watcher)
		select {
		case <-ctx.Done():
			conn.SetDeadline(time.Unix(1, 0))
		case <-done:
		}
	}()
	s := &session{conn: conn, in: &frameReader{conn: conn, max: c.options.AnswerBytesMax}, readerGone: make(chan struct{})}
	s.welcome, err = s.hello(c.options)
	close(done)
	<-watcher
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		if errors.Is(err, errSaidClose) || ctx.Err() == nil {
			return nil, err
		}
		return nil, errors.New("connected, but no welcome came: is this a peeperd?")
	}
	return s, nil
}

func (s *session) hello(options Options) (*peeperv1.Welcome, error) {
	hello := &peeperv1.Hello{ProtocolVersion: 1, Token: options.Token, Client: options.Client}
	if callKeyField != 0 {
		hello.Features = []string{featureIdempotency}
	}
	body, err := proto.Marshal(hello)
	if err != nil {
		return nil, &InvalidArgumentError{"Options", err.Error()}
	}
	if _, err := s.conn.Write(appendFrame(nil, 1, 2, body, 0, 0)); err != nil {
		return nil, err
	}
	for {
		data, err := s.in.next()
		if err != nil {
			return nil, err
		}
		frame, err := parseFrame(data)
		if err != nil {
			return nil, err
		}
		switch frame.field {
		case 2:
			welcome := &peeperv1.Welcome{}
			if proto.Unmarshal(frame.body, welcome) != nil || welcome.ProtocolVersion != 1 {
				return nil, errFrame
			}
			return welcome, nil
		case answerError:
			return nil, errorOf(frame.body)
		case answerEvent:
			// Of a server that goes down.
		default:
			return nil, errFrame
		}
	}
}

// run writes, on one connection after the other, until the client is closed.
func (c *Client) run(s *session) {
	defer close(c.ended)
	for s != nil {
		c.establish(s)
		go c.read(s)
		c.write(s)
		s.conn.Close()
		<-s.readerGone
		cause := c.settle(s)
		if c.ctx.Err() != nil {
			break
		}
		c.tell(&Disconnected{Cause: cause})
		if s = c.reconnect(); s != nil {
			c.tell(&Reconnected{ServerVersion: s.welcome.ServerVersion})
		}
	}
	c.ties.endAll()
}

// reconnect tries until there is a connection, or the client is closed: nil.
func (c *Client) reconnect() *session {
	for attempt := 0; ; attempt++ {
		timer := time.NewTimer(pause(attempt))
		select {
		case <-timer.C:
		case <-c.ctx.Done():
			timer.Stop()
			return nil
		}
		trying, done := context.WithTimeout(c.ctx, c.options.ConnectTimeout)
		s, err := c.greet(trying)
		done()
		if err == nil {
			return s
		}
		c.mu.Lock()
		c.refused = err
		if hopeless(err) {
			c.failAll(err)
		}
		c.mu.Unlock()
	}
}

// establish makes the connection the present one. Watches come first, before what waits in the queue.
func (c *Client) establish(s *session) {
	resumed := c.ties.resume()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		s.fail(ErrClosed)
		return
	}
	c.session, c.refused, c.welcome = s, nil, s.welcome
	for _, post := range resumed {
		s.out = appendFrame(s.out, post.id, verbWatch.field, post.body, 0, 0)
	}
}

// write writes what is in the queue until the connection is lost.
func (c *Client) write(s *session) {
	for c.fill(s) {
		n, err := s.conn.Write(s.out)
		if err != nil {
			c.mu.Lock()
			s.fail(err)
			c.takeBack(s, n)
			c.mu.Unlock()
			return
		}
		s.out, s.marks = s.out[:0], s.marks[:0]
		if cap(s.out) > 4*batchBytesMax {
			s.out = nil
		}
	}
}

// fill waits until there is something to write, and makes frames of it. It answers false when the connection is lost.
func (c *Client) fill(s *session) bool {
	for {
		c.mu.Lock()
		if s.lost {
			c.mu.Unlock()
			return false
		}
		if c.queue.first == nil && len(s.out) == 0 {
			c.idle = true
			c.mu.Unlock()
			<-c.wake
			yield()
			continue
		}
		now := c.now()
		for len(s.out) < batchBytesMax && c.queue.first != nil {
			c.frame(s, c.queue.first, now)
		}
		c.mu.Unlock()
		if len(s.out) > 0 {
			return true
		}
	}
}

// frame writes the first request of the queue into the batch. It needs mu.
func (c *Client) frame(s *session, r *request, now time.Duration) {
	if max := s.welcome.GetLimits().GetFrameBytesMax(); max != 0 && uint64(len(r.body))+frameOverhead > uint64(max) {
		c.finish(r, &Error{Status: StatusTooLarge, Message: "the request is over the server's limit for a frame; it was not sent"})
		return
	}
	ms := int64((r.deadline - now + time.Millisecond - 1) / time.Millisecond)
	if ms < 1 {
		ms = 1
	}
	if most := int64(s.welcome.GetLimits().GetDeadlineMsMax()); ms > most && most != 0 && !r.explicit {
		ms = most
	}
	c.queue.remove(r)
	timeout := r.verb.timeout
	if r.verb.specified && !r.explicit {
		timeout = 0
	}
	s.out = appendFrame(s.out, r.id, r.verb.field, r.body, timeout, uint64(ms))
	s.marks = append(s.marks, mark{r.id, len(s.out)})
	if !r.hasCaller() {
		r.recycle()
		return
	}
	r.place = placeWritten
	r.reads = s.reads
}

// What a frame has besides its request, at most.
const frameOverhead = 32

// takeBack puts requests of which not everything was written into the queue again. It needs mu.
func (c *Client) takeBack(s *session, written int) {
	for _, m := range s.marks {
		if m.end <= written || m.id == 0 || m.id&ownID != 0 {
			continue
		}
		if r := c.find(m.id); r != nil && r.place == placeWritten {
			if r.abandoned {
				c.finish(r, nil)
				continue
			}
			r.place = placeQueued
			c.queue.push(r)
		}
	}
}

// settle decides what becomes of the requests of a lost connection, and answers why it was lost.
func (c *Client) settle(s *session) error {
	c.mu.Lock()
	c.session = nil
	c.idle = false
	select {
	case <-c.wake:
	default:
	}
	idempotent := false
	for _, feature := range s.welcome.Features {
		idempotent = idempotent || feature == featureIdempotency
	}
	for _, r := range c.slots {
		if r == nil || r.place != placeWritten {
			continue
		}
		switch {
		case r.verb.over:
			r.field = r.verb.answer
			c.finish(r, nil)
		case !r.abandoned && (r.verb.repeats || r.keyed && idempotent):
			r.place = placeQueued
			c.queue.push(r)
		default:
			c.finish(r, &DisconnectedError{MaybeRan: true, Cause: s.cause})
		}
	}
	c.reorder()
	cause := s.cause
	c.mu.Unlock()
	c.ties.lose(c)
	return cause
}

// reorder brings the queue into the order of submission, and drops what nobody waits for. It needs mu.
func (c *Client) reorder() {
	var all []*request
	for r := c.queue.pop(); r != nil; r = c.queue.pop() {
		if !r.hasCaller() {
			r.recycle()
			continue
		}
		all = append(all, r)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].seq < all[j].seq })
	for _, r := range all {
		c.queue.push(r)
	}
}

// post sends a request off whose answer nobody waits for, if there is a connection for it. With id 0 there is none.
func (c *Client) post(v *verb, id uint64, body []byte) {
	r := newRequest(v)
	r.id = id
	r.body = append(r.body, body...)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.session == nil {
		r.recycle()
		return
	}
	r.place = placeQueued
	c.queue.push(r)
	c.wakeWriter()
}

// refBody is the body of requests that have a reference as their first field.
func refBody(dst []byte, ref uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, 1, protowire.VarintType), ref)
}
