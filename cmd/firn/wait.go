package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/points"
)

func newWaitCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "wait NAME P",
		Short: "Wait until a group has passed a position",
		Long: `Wait until a group has passed a position: until every event up to it that the
group follows is acknowledged, skipped or parked. P is the position that append has
printed, or end for all there is now. --timeout says how long.`,
		Example:           `  firn wait orders-view end --timeout 1m`,
		Args:              args("NAME", "P"),
		ValidArgsFunction: c.completeGroups,
		RunE: func(cmd *cobra.Command, words []string) error {
			p, err := points.Parse("P", words[1], false, c.now())
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error { return runWait(s, words[0], p) })
		},
	}
}

func runWait(s *session, group string, to firn.Point) error {
	p, err := s.position(to)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.timeout)
	defer cancel()
	s.patience.rest() // it is for calls that answer at once
	parked, err := s.db.WaitGroup(ctx, group, p)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return s.notPassed(group, p, err)
	}
	if err != nil {
		return err
	}
	return s.print.object(str("group", group), num("position", p), num("parked", parked))
}

// position is the position that a point in time is.
func (s *session) position(p firn.Point) (firn.Position, error) {
	switch p.Kind() {
	case firn.PointPosition:
		return p.Position(), nil
	case firn.PointEnd:
		head, _, err := s.db.Head(s.ctx, firn.Consistency{})
		return head, err
	}
	at, _, err := s.db.Resolve(s.ctx, p, firn.Consistency{})
	return at, err
}

// notPassed says where a group stands that was waited for in vain.
func (s *session) notPassed(group string, p firn.Position, err error) error {
	ctx, cancel := context.WithTimeout(s.ctx, time.Second)
	defer cancel()
	info, infoErr := s.db.GroupInfo(ctx, group)
	if infoErr != nil {
		return firn.Errorf(firn.ErrTimeout, "the group %s has not passed position %d within %s: %v", group, p, s.timeout, err)
	}
	return firn.Errorf(firn.ErrTimeout, "the group %s has not passed position %d within %s: it has passed %d, and has %s (firn group show %s)",
		group, p, s.timeout, info.Passed, plural(uint64(info.Consumers), "consumer"), group)
}
