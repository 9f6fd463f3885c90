package main

import (
	"bufio"
	"fmt"
	"strings"
)

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
