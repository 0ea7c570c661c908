package peeper

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Target is whom a request is for: a Name or an Incarnation.
type Target interface{ target() tie }

// Name is an actor or supervisor by its name: whoever has it when the request comes.
type Name string

// Incarnation is one life of an actor or supervisor by its id; after a restart it is nobody.
type Incarnation uint64

func (n Name) target() tie        { return tie{name: string(n)} }
func (i Incarnation) target() tie { return tie{id: i} }

func tieOf(target Target) tie { return target.target() }

// split answers the fields that a target is in requests.
func split(target Target) (name string, id uint64, err error) {
	if target == nil {
		return "", 0, &InvalidArgumentError{"target", "it is nil: give a Name or an Incarnation"}
	}
	t := target.target()
	if !utf8.ValidString(t.name) {
		return "", 0, &InvalidArgumentError{"target", "the name is not UTF-8"}
	}
	return t.name, uint64(t.id), nil
}

// aim begins the body of a request with its target. Where that fails the request is over.
func aim(r *request, target Target) error {
	name, id, err := split(target)
	if err != nil {
		r.recycle()
		return err
	}
	r.body = appendTarget(r.body, name, id)
	return nil
}

// Option changes one request.
type Option struct {
	timeout time.Duration
	key     string
	sent    func()
}

// Timeout is how long a request may take, where that is not what the context says. The server judges it; the client
// itself waits a little longer.
func Timeout(d time.Duration) Option {
	if d == 0 {
		d = -1 // not the default, which no option means
	}
	return Option{timeout: d}
}

// IdempotencyKey names a Call or Cast, so that it may be repeated after a lost connection and is still run once, where
// the server has that feature. The same key means the same message.
func IdempotencyKey(key string) Option { return Option{key: key} }

// Sent has `f` called when the request has its place in the order of this client's requests, before it is answered: what
// is sent to the same actor afterwards runs behind it. Where the request cannot be sent `f` is not called.
func Sent(f func()) Option { return Option{sent: f} }

// AutoIdempotencyKey is an IdempotencyKey that nobody else has.
func AutoIdempotencyKey() Option {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		panic(err) // the system has no random numbers
	}
	return IdempotencyKey(hex.EncodeToString(random[:]))
}

func join(options []Option) (all Option) {
	for _, option := range options {
		if option.timeout != 0 {
			all.timeout = option.timeout
		}
		if option.key != "" {
			all.key = option.key
		}
		if option.sent != nil {
			all.sent = option.sent
		}
	}
	return all
}

// Call runs the actor's handle_call with the message and answers its reply.
func (c *Client) Call(ctx context.Context, target Target, message any, options ...Option) (any, error) {
	r, err := c.message(ctx, verbCall, target, message, callKeyField, options)
	if err != nil {
		return nil, err
	}
	return c.reply(ctx, r)
}

// Pending is a call that was sent and not waited for.
type Pending struct {
	client *Client
	ctx    context.Context
	r      *request
	err    error
}

// CallAsync sends a call and does not wait. What one goroutine sends to one actor this way is handled in that order.
// Wait must be called once.
func (c *Client) CallAsync(ctx context.Context, target Target, message any, options ...Option) *Pending {
	r, err := c.message(ctx, verbCall, target, message, callKeyField, options)
	return &Pending{c, ctx, r, err}
}

// Wait answers the reply, when it is there or the context of CallAsync ends.
func (p *Pending) Wait() (any, error) {
	r := p.r
	if r == nil {
		if p.err == nil {
			p.err = &InvalidArgumentError{"Pending", "Wait was called before: keep what it answered"}
		}
		return nil, p.err
	}
	p.r = nil
	return p.client.reply(p.ctx, r)
}

// Cast gives the actor's handle_cast a message. It answers when the message is in the mailbox, or nobody was there.
func (c *Client) Cast(ctx context.Context, target Target, message any, options ...Option) error {
	r, err := c.message(ctx, verbCast, target, message, castKeyField, options)
	if err != nil {
		return err
	}
	return c.end(ctx, r, nil)
}

// Send gives the actor's handle_info a message, and answers as Cast does.
func (c *Client) Send(ctx context.Context, target Target, message any, options ...Option) error {
	r, err := c.message(ctx, verbSend, target, message, 0, options)
	if err != nil {
		return err
	}
	return c.end(ctx, r, nil)
}

// message begins a Call, Cast or Send: their fields name, id and payload have the same numbers.
func (c *Client) message(ctx context.Context, v *verb, target Target, message any, key protowire.Number,
	options []Option) (*request, error) {
	r := newRequest(v)
	if err := aim(r, target); err != nil {
		return nil, err
	}
	var start int
	var err error
	r.body, start = openLength(append(r.body, 3<<3|byte(protowire.BytesType)))
	if r.body, err = encodeValue(r.body, message); err != nil {
		r.recycle()
		return nil, err
	}
	r.body = closeLength(r.body, start)
	var option Option
	if len(options) > 0 {
		option = join(options)
		if err := r.takeKey(option.key, key); err != nil {
			r.recycle()
			return nil, err
		}
	}
	if err := c.begin(ctx, r, option); err != nil {
		r.recycle()
		return nil, err
	}
	return r, nil
}

func (r *request) takeKey(key string, field protowire.Number) error {
	switch {
	case key == "":
	case r.verb == verbSend:
		return &InvalidArgumentError{"IdempotencyKey", "only Call and Cast have one"}
	case !utf8.ValidString(key):
		return &InvalidArgumentError{"IdempotencyKey", "it is not UTF-8"}
	case field != 0:
		r.keyed = true
		r.body = protowire.AppendString(protowire.AppendTag(r.body, field, protowire.BytesType), key)
	}
	return nil
}

// reply waits for the answer to a Call. It is what end does, without a function in between.
func (c *Client) reply(ctx context.Context, r *request) (any, error) {
	mine, err := c.await(ctx, r)
	if !mine {
		return nil, err
	}
	var value any
	switch {
	case err != nil:
	case r.field == answerReply:
		var payload []byte
		if payload, err = parseReply(r.reply); err == nil {
			value, err = decodeValue(payload)
		}
	case r.field == answerError:
		err = errorOf(r.reply)
	default:
		err = &DisconnectedError{MaybeRan: true, Cause: errFrame}
	}
	r.recycle()
	return value, err
}

// ask sends a request of a kind that is rare enough for the generated code, and reads the answer into `into`, if not nil.
func (c *Client) ask(ctx context.Context, v *verb, message, into proto.Message, options []Option) error {
	return c.askHooked(ctx, v, message, into, options, nil)
}

func (c *Client) askHooked(ctx context.Context, v *verb, message, into proto.Message, options []Option,
	hook func(answer)) error {
	option := join(options)
	if option.key != "" {
		return &InvalidArgumentError{"IdempotencyKey", "only Call and Cast have one"}
	}
	r := newRequest(v)
	var err error
	if r.body, err = (proto.MarshalOptions{}).MarshalAppend(r.body, message); err != nil {
		r.recycle()
		return &InvalidArgumentError{v.name, err.Error()}
	}
	r.hook = hook
	var take func(answer) error
	if into != nil {
		take = func(a answer) error {
			if proto.Unmarshal(a.body, into) != nil {
				return &DisconnectedError{MaybeRan: true, Cause: errFrame}
			}
			return nil
		}
	}
	return c.do(ctx, r, option, take)
}

// value encodes an argument; nil is none, which the server takes as its default.
func value(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return encodeValue(nil, v)
}
