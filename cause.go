package firn

import "context"

// cause is what a context says of the drafts that are appended under it.
type cause struct{ correlation, causation string }

type causeKey struct{}

// CausedBy returns a context under which drafts are appended as the effects of
// an event: one that names no causation gets the event's id as its causation, and
// one that names no correlation gets the event's correlation, or the event's id
// where it has none. So what an event has led to can be followed ("firn trace").
func CausedBy(ctx context.Context, e *Event) context.Context {
	c := cause{correlation: e.CorrelationID, causation: e.ID.String()}
	if c.correlation == "" {
		c.correlation = c.causation
	}
	return context.WithValue(ctx, causeKey{}, c)
}

// Correlated returns a context under which drafts that name no correlation get
// this one. What caused them stays unsaid, unless CausedBy said it.
func Correlated(ctx context.Context, correlation string) context.Context {
	c, _ := ctx.Value(causeKey{}).(cause)
	c.correlation = correlation
	return context.WithValue(ctx, causeKey{}, c)
}

// Complete fills in what a caller may leave unsaid: the id, and what the context
// says of the draft's cause. Every [Store] does it with the drafts that it is
// given.
func (d *Draft) Complete(ctx context.Context) {
	if d.ID.IsZero() {
		d.ID = NewID()
	}
	c, ok := ctx.Value(causeKey{}).(cause)
	if !ok {
		return
	}
	if d.CausationID == "" {
		d.CausationID = c.causation
	}
	if d.CorrelationID == "" {
		d.CorrelationID = c.correlation
	}
}
