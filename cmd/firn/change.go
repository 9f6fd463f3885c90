package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/firndb/firn"
)

// change changes a stream's life. A change whose time ran out may have been
// made just as well as one whose answer was lost.
func (s *session) change(stream string, expect firn.Expectation, life firn.Life) (firn.Position, error) {
	at, err := s.db.Change(s.ctx, stream, expect, life)
	if isCut(err) {
		err = firn.Errorf(firn.ErrUnknown, "the change of %q may have been made: no answer came in time", stream)
	}
	return at, err
}

// confirm asks on a terminal whether to go on. Where nobody sits at one, the
// command line was the answer.
func (s *session) confirm(yes bool, question string) error {
	if yes || !s.terminalIn {
		return nil
	}
	s.patience.rest()
	defer s.patience.moved()
	fmt.Fprintf(s.err, "%s [y/N] ", question)
	line, _ := bufio.NewReader(s.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}

// plural writes a count with its noun.
func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
