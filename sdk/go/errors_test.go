package peeper

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/proto"
)

func TestEveryStatusOfTheSchemaHasItsOwnErrorAndAdvice(t *testing.T) {
	values := peeperv1.Status(0).Descriptor().Values()
	if len(statusNames) != values.Len()-1 {
		t.Errorf("%d names for %d statuses", len(statusNames), values.Len()-1)
	}
	for i := 1; i < values.Len(); i++ {
		number, name := Status(values.Get(i).Number()), strings.TrimPrefix(string(values.Get(i).Name()), "STATUS_")
		if number.String() != name {
			t.Errorf("status %d is %s instead of %s", number, number, name)
		}
		if statusAdvice[number] == "" {
			t.Errorf("%s has no advice", name)
		}
		body, err := proto.Marshal(&peeperv1.Error{Status: peeperv1.Status(number), Message: "why", Retryable: true,
			RetryAfterMs: 7, Reason: encoded(t, "r"), Kind: "k"})
		check(t, err)
		failure := fmt.Errorf("around: %w", errorOf(body))
		for j := 1; j < values.Len(); j++ {
			other := Status(values.Get(j).Number())
			if errors.Is(failure, other) != (other == number) {
				t.Errorf("%s taken for %s", name, other)
			}
		}
		var as *Error
		if !errors.As(failure, &as) || as.Message != "why" || !as.Retryable || as.RetryAfter.Milliseconds() != 7 ||
			as.Reason != "r" || as.Kind != "k" {
			t.Errorf("%s became %+v", name, as)
		}
	}
	if got := Status(999).String(); got != "STATUS_999" {
		t.Errorf("an unknown status is %s", got)
	}
}

func TestErrorsOfTheClientSayWhatToDo(t *testing.T) {
	cause := errors.New("the cause")
	for _, c := range []struct {
		err    error
		is     error
		advice string
	}{
		{&DisconnectedError{MaybeRan: true, Cause: cause}, ErrDisconnected, "repeat it only if"},
		{&DisconnectedError{Cause: cause}, ErrDisconnected, "safe to repeat"},
		{&ConnectError{"a:1", []error{cause, cause}}, ErrConnectFailed, "see that peeperd runs"},
		{&TimeoutError{true, context.DeadlineExceeded}, ErrTimeout, "repeat it only if"},
		{&TimeoutError{true, context.Canceled}, context.Canceled, "repeat it only if"},
		{&TimeoutError{false, &notConnected{cause}}, context.DeadlineExceeded, "is the server there?"},
		{&InvalidArgumentError{"x", "below 0: raise it"}, ErrInvalidArgument, "raise it"},
		{tooDeep(), ErrInvalidValue, "nest less"},
		{&Error{Status: StatusTimeout}, context.DeadlineExceeded, "repeat it only if"},
		{ErrClosed, ErrClosed, "connect another"},
		{ErrTooManyRequests, ErrTooManyRequests, "raise Options.WaitingMax"},
	} {
		if !errors.Is(c.err, c.is) || !strings.Contains(c.err.Error(), c.advice) {
			t.Errorf("%T says %q, and is %v: %v", c.err, c.err, c.is, errors.Is(c.err, c.is))
		}
	}
	if !errors.Is(&ConnectError{Attempts: []error{cause}}, cause) {
		t.Error("a ConnectError hides its cause")
	}
}
