package peeper

import (
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Where a request is.
type place uint8

const (
	placeNowhere place = iota
	placeWaiting       // for a slot
	placeQueued        // has a slot, waits for the writer
	placeWritten       // has a slot, waits for its answer
	placeDone          // the caller has been told
)

// request is one request on its way. Its fields are guarded by Client.mu from submit on, until the caller is told.
type request struct {
	verb *verb
	body []byte // the encoded request, without its time-out
	// deadline counts from Client.epoch.
	deadline time.Duration
	// explicit: the caller has named a time-out, so that the server shall judge it.
	explicit bool
	keyed    bool // has an idempotency key
	// hook, if not nil, hears the answer on the reader's goroutine, before anything that comes behind it.
	hook func(answer)

	place     place
	abandoned bool // its caller has gone
	slot      int
	id        uint64
	seq       uint64 // order of submission
	reads     uint64 // how often the connection had been read when it was written
	previous  *request
	next      *request

	field protowire.Number // of the answer
	reply []byte           // its body
	err   error
	told  chan struct{} // capacity 1
}

var requests = sync.Pool{New: func() any { return &request{told: make(chan struct{}, 1)} }}

// Buffers that one large message has made large are not kept.
const keptBytesMax = 64 << 10

func newRequest(v *verb) *request {
	r := requests.Get().(*request)
	r.verb = v
	return r
}

// recycle ends the use of a request that nobody else knows any more.
func (r *request) recycle() {
	body, reply := r.body[:0], r.reply[:0]
	if cap(body) > keptBytesMax {
		body = nil
	}
	if cap(reply) > keptBytesMax {
		reply = nil
	}
	*r = request{body: body, reply: reply, told: r.told}
	requests.Put(r)
}

// hasCaller is false of what the client posts for itself, which has no slot.
func (r *request) hasCaller() bool { return r.id != 0 && r.id&ownID == 0 }

// list is a queue of requests from which any may be taken.
type list struct {
	first, last *request
	count       int
}

func (l *list) push(r *request) {
	r.previous, r.next = l.last, nil
	if l.last != nil {
		l.last.next = r
	} else {
		l.first = r
	}
	l.last = r
	l.count++
}

func (l *list) remove(r *request) {
	if r.previous != nil {
		r.previous.next = r.next
	} else {
		l.first = r.next
	}
	if r.next != nil {
		r.next.previous = r.previous
	} else {
		l.last = r.previous
	}
	r.previous, r.next = nil, nil
	l.count--
}

func (l *list) pop() *request {
	r := l.first
	if r != nil {
		l.remove(r)
	}
	return r
}
