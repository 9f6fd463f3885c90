package plainlog

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// traced is an error that, like Pebble's, tells where it was made when it is
// asked for all it knows.
type traced string

func (e traced) Error() string { return string(e) }

func (e traced) Format(s fmt.State, verb rune) {
	io.WriteString(s, string(e))
	if s.Flag('+') {
		io.WriteString(s, "\n-- stack trace:\n| main.main\n| \tmain.go:7")
	}
}

func TestErrorsAreTheirMessage(t *testing.T) {
	const message = "table 000007: checksum mismatch"
	err := traced(message)
	if text := Text("%d: %+v", 7, err); text != "7: "+message {
		t.Errorf("the text is %q", text)
	}
	for name, log := range map[string]func(*slog.Logger){
		"a value":           func(l *slog.Logger) { l.Error("damage", "file", "7", "error", err) },
		"a value for all":   func(l *slog.Logger) { l.With("error", err).Error("damage") },
		"a value in groups": func(l *slog.Logger) { l.WithGroup("store").Error("damage", "error", err) },
	} {
		var to bytes.Buffer
		text := slog.New(slog.NewTextHandler(&to, nil))
		log(text)
		if !strings.Contains(to.String(), "stack trace") {
			t.Errorf("%s: the handler alone writes no stack trace, so the test shows nothing: %s", name, &to)
		}
		to.Reset()
		log(Logger(text))
		if line := to.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, `error="`+message+`"`) {
			t.Errorf("%s: %s", name, line)
		}
	}
	var to bytes.Buffer
	Logger(slog.New(slog.NewTextHandler(&to, nil))).Info("up", "error", nil, "n", 1)
	if !strings.Contains(to.String(), "error=<nil> n=1") {
		t.Errorf("no error is written as: %s", &to)
	}
}
