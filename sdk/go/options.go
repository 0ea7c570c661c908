package peeper

import (
	"net"
	"strings"
	"time"
)

// DefaultPort is where peeperd listens unless it was told otherwise.
const DefaultPort = "7420"

// Options are for Connect. The zero value is good for a server without a token.
type Options struct {
	Token  string // the server's secret, if it has one
	Client string // names this client in the server's logs, at most 255 bytes; "peeper-go" if empty

	// ConnectTimeout bounds Connect: addresses, attempts, pauses and the server's welcome. 0: 5 s.
	ConnectTimeout time.Duration
	// RequestTimeout is for requests whose context has no deadline. 0: 5 s.
	RequestTimeout time.Duration
	// RequestsMax is how many requests may be in flight; others wait. 0: 1024.
	RequestsMax int
	// WaitingMax is how many may wait; more are ErrTooManyRequests. 0: 65536.
	WaitingMax int
	// AnswerBytesMax is the longest answer; a longer one ends the connection. 0: 256 MiB.
	AnswerBytesMax int
	// EventsMax is how many events of one watch, and how many of Client.Events, wait for who reads them. What is more
	// is told as a Gap or a Lost. 0: 1024.
	EventsMax int
}

// Time between attempts to connect doubles from the first to the last, less a random part.
const (
	pauseMin = 10 * time.Millisecond
	pauseMax = time.Second
)

// graceTime is how much later than the server the client itself gives up a request.
const graceTime = 250 * time.Millisecond

func (o Options) withDefaults() Options {
	if o.Client == "" {
		o.Client = "peeper-go"
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = 5 * time.Second
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 5 * time.Second
	}
	for _, number := range []struct {
		value        *int
		defaultValue int
	}{{&o.RequestsMax, 1024}, {&o.WaitingMax, 65536}, {&o.AnswerBytesMax, 256 << 20}, {&o.EventsMax, 1024}} {
		if *number.value == 0 {
			*number.value = number.defaultValue
		}
	}
	return o
}

func (o Options) check() error {
	switch {
	case len(o.Client) > 255:
		return &InvalidArgumentError{"Options.Client", "over 255 bytes: shorten it"}
	case o.ConnectTimeout < 0 || o.RequestTimeout < 0:
		return &InvalidArgumentError{"Options", "a time-out below 0: 0 means the default"}
	case o.RequestsMax < 0 || o.WaitingMax < 0 || o.AnswerBytesMax < 0 || o.EventsMax < 0:
		return &InvalidArgumentError{"Options", "a limit below 0: 0 means the default"}
	case o.RequestsMax > 1<<20:
		return &InvalidArgumentError{"Options.RequestsMax", "over 1048576: lower it"}
	case o.AnswerBytesMax > 2<<30-1:
		return &InvalidArgumentError{"Options.AnswerBytesMax", "over 2 GiB: lower it"}
	}
	return nil
}

// Welcome is what the server said of itself when it was connected to.
type Welcome struct {
	ProtocolVersion uint32
	ServerVersion   string
	Limits          Limits
	Features        []string // that both sides have
}

// Limits are what the server will refuse.
type Limits struct {
	FrameBytesMax uint32
	NameBytesMax  uint32
	DeadlineMsMax uint32
	MailboxMax    uint32
}

// Welcome answers what the server said the last time.
func (c *Client) Welcome() Welcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	limits := c.welcome.GetLimits()
	return Welcome{ProtocolVersion: c.welcome.ProtocolVersion, ServerVersion: c.welcome.ServerVersion,
		Limits: Limits{limits.GetFrameBytesMax(), limits.GetNameBytesMax(), limits.GetDeadlineMsMax(),
			limits.GetMailboxMax()}, Features: c.welcome.Features}
}

// completeAddress adds the default port: "host", "host:port", "[::1]:7420", "::1".
func completeAddress(address string) (string, error) {
	if address == "" {
		return "", &InvalidArgumentError{"address", "it is empty: give host or host:port"}
	}
	if strings.ContainsAny(address, "/ ") {
		return "", &InvalidArgumentError{"address", "no host or host:port: " + address}
	}
	if host, port, err := net.SplitHostPort(address); err == nil {
		if port == "" {
			port = DefaultPort
		}
		return net.JoinHostPort(host, port), nil
	}
	host := strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	return net.JoinHostPort(host, DefaultPort), nil
}

// milliseconds is a duration of the protocol.
func milliseconds(ms uint64) time.Duration {
	return time.Duration(ms) * time.Millisecond
}

// moment is a point in time of the protocol; 0 is none.
func moment(ms uint64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms))
}
