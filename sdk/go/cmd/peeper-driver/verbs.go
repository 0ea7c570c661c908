package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"time"

	"peeper/sdk/go"
)

// call is one request of a line. The first arg that is not what it should be is kept in err.
type call struct {
	*peeper.Client
	ctx      context.Context
	cancel   func() // ctx, so that a request with a wrong arg is not sent
	args     args
	sent     peeper.Option
	err      error
	followed []func(tell func(object)) // after the answer
}

type verb func(c *call) (any, error)

func (c *call) run(v verb) (any, error) {
	answer, err := v(c)
	if c.err != nil {
		return nil, c.err
	}
	return answer, err
}

func (c *call) note(err error, name string) {
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("%s: %w", name, err)
		if c.cancel != nil {
			c.cancel()
		}
	}
}

func (c *call) text(name string) string {
	text, _ := c.args[name].(string)
	return text
}

func (c *call) flag(name string) bool {
	flag, _ := c.args[name].(bool)
	return flag
}

func (c *call) number(name string) uint64 {
	number, err := numberOf(c.args[name])
	c.note(err, name)
	return number
}

func (c *call) small(name string) uint32 { return uint32(c.number(name)) }

func (c *call) ms(name string) time.Duration { return time.Duration(c.number(name)) * time.Millisecond }

func (c *call) value(name string) any {
	value, err := toNative(c.args[name])
	c.note(err, name)
	return value
}

func (c *call) bytes(name string) []byte {
	bytes, err := base64.StdEncoding.DecodeString(c.text(name))
	c.note(err, name)
	return bytes
}

func (c *call) enum(name string, names ...string) int32 {
	told := c.text(name)
	for i, known := range names {
		if told == known {
			return int32(i + 1)
		}
	}
	if told != "" {
		c.note(fmt.Errorf("it is %q", told), name)
	}
	return 0
}

func (c *call) target(name string) peeper.Target {
	told, _ := c.args[name].(object)
	if id, ok := told["incarnation"]; ok {
		number, err := numberOf(id)
		c.note(err, name)
		return peeper.Incarnation(number)
	}
	text, _ := told["name"].(string)
	return peeper.Name(text)
}

func (c *call) aim() peeper.Target { return c.target("target") }

func (c *call) source() peeper.Target {
	if c.args["source"] == nil {
		return nil
	}
	return c.target("source")
}

func (c *call) child() peeper.ChildID {
	return peeper.ChildID{ID: c.text("child"), Incarnation: peeper.Incarnation(c.number("incarnation"))}
}

// with are the options of a request, of which a time of 0 is none.
func (c *call) with() []peeper.Option {
	options := []peeper.Option{c.sent}
	for _, name := range []string{"deadline_ms", "timeout_ms"} {
		if d := c.ms(name); d != 0 {
			options = append(options, peeper.Timeout(d))
		}
	}
	if key := c.text("idempotency_key"); key == "auto" {
		options = append(options, peeper.AutoIdempotencyKey())
	} else if key != "" {
		options = append(options, peeper.IdempotencyKey(key))
	}
	return options
}

// down tells the end of what is monitored, after the answer.
func (c *call) down(m *peeper.Monitor) {
	if m == nil {
		return
	}
	c.followed = append(c.followed, func(tell func(object)) {
		for down := range m.C {
			told := ofAnswer(down).(object)
			told["event"] = "down"
			tell(told)
		}
	})
}

func (c *call) changes(w *peeper.Watch) {
	c.followed = append(c.followed, func(tell func(object)) {
		for event := range w.C {
			tell(ofEvent(event))
		}
		if err := w.Err(); err != nil && err != peeper.ErrClosed {
			tell(object{"event": "watch_failed", "ref": strconv.FormatUint(w.Ref(), 10), "error": ofError(err)})
		}
	})
}

func address(host string, port uint64) string {
	return net.JoinHostPort(host, strconv.FormatUint(port, 10))
}

// told is the answer of a request that has a struct to tell.
func told[T any](answer *T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return ofAnswer(*answer), nil
}

func listed[T any](name string, answer []T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return object{name: ofAnswer(answer)}, nil
}

func done(err error) (any, error) { return object{}, err }

func payload(reply any, err error) (any, error) { return object{"payload": ofNative(reply)}, err }

func ref(number uint64) any { return object{"ref": strconv.FormatUint(number, 10)} }

func start(c *call) (any, error) {
	o := peeper.StartOptions{
		Name: c.text("name"), Behaviour: c.text("behaviour"), Argument: c.value("argument"),
		Restart:     peeper.Restart(c.enum("restart", "permanent", "transient", "temporary")),
		OnIntensity: peeper.OnIntensity(c.enum("on_intensity", "backoff", "suspend", "stop")),
		MailboxMax:  c.small("mailbox_max"), Link: c.flag("link"), Monitor: c.flag("monitor"),
		NoTrapExit: c.flag("no_trap_exit"), HibernateAfter: c.ms("hibernate_after_ms"),
		Isolation:   peeper.Isolation(c.enum("isolation", "shared", "own")),
		Generations: c.small("generations"), StepBack: c.flag("step_back"), Listener: c.text("listener"),
	}
	if intensity, ok := c.args["intensity"].(object); ok {
		inner := &call{args: intensity}
		o.Intensity = &peeper.Intensity{Restarts: inner.small("restarts"), Period: inner.ms("period_ms")}
		c.note(inner.err, "intensity")
	}
	if keep, ok := c.args["keep_tables"]; ok {
		if inner, ok := keep.(object); ok {
			keep = inner["names"]
		}
		o.KeepTables = []string{}
		names, _ := keep.([]any)
		for _, name := range names {
			text, _ := name.(string)
			o.KeepTables = append(o.KeepTables, text)
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	s, err := c.Start(c.ctx, o, c.with()...)
	if err != nil {
		return nil, err
	}
	c.down(s.Monitor)
	return told(s, nil)
}

func rows(c *call, table string) (any, error) {
	o := peeper.RowsOptions{Table: table, Prefix: c.text("prefix"), Limit: c.small("limit")}
	if _, ok := c.args["from"]; ok {
		o.From = &peeper.Key{Value: c.value("from")}
	}
	if c.err != nil {
		return nil, c.err
	}
	return told(c.Rows(c.ctx, c.aim(), o, c.with()...))
}
