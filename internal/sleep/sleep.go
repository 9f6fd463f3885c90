// Package sleep waits, for no longer than somebody wants it.
package sleep

import (
	"context"
	"time"
)

// For returns once so much time has passed, or with the context's cause.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
