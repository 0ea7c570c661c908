package peeper

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/proto"
)

// Status is the kind of a failure that the server answers. As an error it is what errors.Is compares with.
type Status int32

// String is the name in the protocol, such as NOPROC.
func (s Status) String() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return "STATUS_" + strconv.Itoa(int(s))
}

// Error makes a Status a target of errors.Is.
func (s Status) Error() string { return "peeper: " + s.String() }

// Error is a failure that the server answers.
type Error struct {
	Status  Status
	Message string // one sentence for a person
	// Retryable says that the request was not run, may succeed later, and is safe to send again.
	Retryable bool
	// RetryAfter says when; 0 where nothing is known: back off then.
	RetryAfter time.Duration
	Reason     any    // the structured reason; nil where there is none
	Kind       string // of StatusCrashed: raise, contract, exit, signal, deadline, memory, killed or host_lost
}

func (e *Error) Error() string {
	text := "peeper: " + e.Status.String() + ": " + e.Message
	if advice := statusAdvice[e.Status]; advice != "" {
		text += " (" + advice + ")"
	}
	return text
}

// Is compares with a Status; StatusTimeout is a context.DeadlineExceeded, too.
func (e *Error) Is(target error) bool {
	return target == e.Status || e.Status == StatusTimeout && target == context.DeadlineExceeded
}

// What to do, where the server's message does not say so.
var statusAdvice = map[Status]string{
	StatusInvalid:            "correct the field that is named",
	StatusNoproc:             "start it first; an incarnation is gone after a restart, WhereIs knows the next",
	StatusAlreadyStarted:     "use the one that there is; the reason is its id",
	StatusUnknownBehaviour:   "deploy the behaviour, or correct its name",
	StatusMailboxFull:        "try again later",
	StatusTimeout:            "it may have run: repeat it only if that does no harm",
	StatusCrashed:            "nothing of the turn was kept; the crash log says more",
	StatusDown:               "it may have run: repeat it only if that does no harm",
	StatusRefused:            "the reason is the actor's own",
	StatusOverloaded:         "try again later, or raise the server's limit",
	StatusTooLarge:           "send less at once",
	StatusProtocol:           "use a client of the server's version",
	StatusUnsupportedVersion: "use a client of the server's version",
	StatusUnauthenticated:    "give the server's token in Options.Token",
	StatusShuttingDown:       "try again when the server is back",
	StatusNoMemory:           "try again later",
	StatusInternal:           "see the server's log; it may have run",
	StatusNotFound:           "look at what there is",
	StatusRunning:            "terminate the child first",
	StatusRestarting:         "terminate the child first, or try again when it runs",
	StatusAlreadyPresent:     "restart the child, or delete it first",
	StatusMaxChildren:        "try again when a child has ended",
	StatusBadSpec:            "correct the field that is named",
	StatusSimpleOneForOne:    "name the child by its incarnation, or use another strategy",
	StatusDeadlock:           "do not call in a circle",
	StatusConflict:           "prepare it anew",
	StatusForbidden:          "the server's options must allow it",
}

func errorOf(body []byte) error {
	var failure peeperv1.Error
	if err := proto.Unmarshal(body, &failure); err != nil {
		return &DisconnectedError{MaybeRan: true, Cause: fmt.Errorf("an answer that is no answer: %w", err)}
	}
	return &Error{
		Status:     Status(failure.Status),
		Message:    failure.Message,
		Retryable:  failure.Retryable,
		RetryAfter: milliseconds(uint64(failure.RetryAfterMs)),
		Reason:     lenient(failure.Reason),
		Kind:       failure.Kind,
	}
}

// The failures of the client itself, for errors.Is.
var (
	ErrClosed          = errors.New("peeper: the client is closed: connect another one")
	ErrTooManyRequests = errors.New("peeper: too many requests wait: send fewer at once, or raise Options.WaitingMax")
	ErrDisconnected    = errors.New("peeper: disconnected")
	ErrConnectFailed   = errors.New("peeper: cannot connect")
	ErrTimeout         = errors.New("peeper: timeout of the client")
	ErrInvalidArgument = errors.New("peeper: invalid argument")
	ErrInvalidValue    = errors.New("peeper: invalid value")
)

// DisconnectedError says that the connection was lost before the answer came. It is an ErrDisconnected.
type DisconnectedError struct {
	// MaybeRan says that the request had been written, so that nobody knows whether it ran.
	MaybeRan bool
	Cause    error
}

func (e *DisconnectedError) Error() string {
	advice := "it was not sent and is safe to repeat"
	if e.MaybeRan {
		advice = "it may have run: repeat it only if that does no harm, or with an idempotency key"
	}
	return fmt.Sprintf("peeper: disconnected before the answer came: %v (%s)", e.Cause, advice)
}

func (e *DisconnectedError) Unwrap() error        { return e.Cause }
func (e *DisconnectedError) Is(target error) bool { return target == ErrDisconnected }

// ConnectError says why no connection could be made. It is an ErrConnectFailed, and also what its last attempt is.
type ConnectError struct {
	Address  string
	Attempts []error // the last ones, oldest first
}

func (e *ConnectError) Error() string {
	causes := make([]string, 0, len(e.Attempts))
	for _, attempt := range e.Attempts {
		if text := attempt.Error(); len(causes) == 0 || causes[len(causes)-1] != text {
			causes = append(causes, text)
		}
	}
	return fmt.Sprintf("peeper: cannot connect to %s, %d attempts: %s (see that peeperd runs there and the address is right)",
		e.Address, len(e.Attempts), strings.Join(causes, "; "))
}

func (e *ConnectError) Is(target error) bool { return target == ErrConnectFailed }

// Unwrap is the last attempt's failure.
func (e *ConnectError) Unwrap() error {
	if len(e.Attempts) == 0 {
		return nil
	}
	return e.Attempts[len(e.Attempts)-1]
}

// TimeoutError says that the caller's context, or the time of the request, was over before the answer came. It is an
// ErrTimeout, and also context.DeadlineExceeded or context.Canceled.
type TimeoutError struct {
	// MaybeRan says that the request had been written, so that nobody knows whether it ran.
	MaybeRan bool
	Cause    error
}

func (e *TimeoutError) Error() string {
	advice := "it was not sent; is the server there?"
	if e.MaybeRan {
		advice = "it may have run: repeat it only if that does no harm"
	}
	return fmt.Sprintf("peeper: no answer yet: %v (%s)", e.Cause, advice)
}

func (e *TimeoutError) Unwrap() error        { return e.Cause }
func (e *TimeoutError) Is(target error) bool { return target == ErrTimeout }

// Timeout says whether it was time, not a cancellation, as net.Error has it.
func (e *TimeoutError) Timeout() bool { return errors.Is(e.Cause, context.DeadlineExceeded) }

// InvalidArgumentError says that a request was not sent because of one of its arguments. It is an ErrInvalidArgument.
type InvalidArgumentError struct {
	Argument string
	Message  string
}

func (e *InvalidArgumentError) Error() string {
	return fmt.Sprintf("peeper: %s: %s", e.Argument, e.Message)
}

func (e *InvalidArgumentError) Is(target error) bool { return target == ErrInvalidArgument }

// InvalidValueError says that a value cannot travel, or that received bytes are no value. It is an ErrInvalidValue.
type InvalidValueError struct {
	Path    string // where in the value: ["items"][3]; empty for the value itself
	Message string
}

func (e *InvalidValueError) Error() string {
	return fmt.Sprintf("peeper: value%s: %s", e.Path, e.Message)
}

func (e *InvalidValueError) Is(target error) bool { return target == ErrInvalidValue }
