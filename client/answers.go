package client

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firndb/firn"
)

// Park wraps the error of a handler that no further attempt will help: [Handle]
// parks the event at once, with the error as the reason.
func Park(err error) error { return &outcomeError{err, firn.Park, 0} }

// RetryAfter wraps the error of a handler: [Handle] has the event delivered
// again after this delay, and not the group's backoff.
func RetryAfter(err error, delay time.Duration) error {
	return &outcomeError{err, firn.RetryLater, delay}
}

// Stop wraps the error of a handler that cannot work at all: [Handle] begins no
// further event, leaves this one to others, as though it had never been handed
// out here, and returns the error.
func Stop(err error) error { return &stopError{err} }

type stopError struct{ error }

func (e *stopError) Unwrap() error { return e.error }

// outcomeError is an error of a handler that says what is to become of the
// event.
type outcomeError struct {
	error
	outcome firn.Outcome
	delay   time.Duration
}

func (e *outcomeError) Unwrap() error { return e.error }

// delayMax is the longest delay that a group takes.
const delayMax = 24 * time.Hour

// reasonBytesMax bounds the reason that is kept with an event.
const reasonBytesMax = 1 << 10

// answerTo says what becomes of an event whose handler has returned.
func answerTo(t firn.Token, err error) firn.Settlement {
	a := firn.Settlement{Token: t, Outcome: firn.Ack}
	if err == nil {
		return a
	}
	a.Outcome = firn.RetryLater
	var say *outcomeError
	if errors.As(err, &say) {
		a.Outcome, a.Delay = say.outcome, min(max(say.delay, 0), delayMax)
	}
	a.Reason = cut(err.Error())
	return a
}

// cut makes a text a reason: valid, and not too long.
func cut(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= reasonBytesMax {
		return text
	}
	text = text[:reasonBytesMax-len("…")]
	for len(text) > 0 {
		if r, size := utf8.DecodeLastRuneInString(text); r != utf8.RuneError || size > 1 {
			break
		}
		text = text[:len(text)-1]
	}
	return text + "…"
}
