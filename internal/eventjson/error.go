package eventjson

import (
	"errors"
	"fmt"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
)

// Error returns {"error":{…}}: the kind, the message, whether a retry is safe,
// and what else the error carries. An error that is no *firn.Error is of the
// kind "other". more stands at the end.
func Error(err error, more ...jsonline.Member) []byte {
	e := &firn.Error{Kind: firn.ErrInternal}
	kind, retry := "other", firn.RetryNo.String()
	if errors.As(err, &e) {
		kind, retry = e.Kind.String(), e.Retry().String()
	}
	var o jsonline.Object
	o.String("kind", kind)
	o.String("message", err.Error())
	o.String("retry", retry)
	if e.Stream != "" {
		o.String("stream", e.Stream)
	}
	if e.Conflict != nil {
		o.JSON("expected", Expectation(e.Conflict.Expected))
		o.JSON("actual", Expectation(e.Conflict.Actual))
		if e.Conflict.Deleted {
			o.Bool("deleted", true)
		}
	}
	if e.Leader != "" {
		o.String("leader", e.Leader)
	}
	if len(e.Positions) > 0 {
		o.JSON("positions", []byte(strings.ReplaceAll(fmt.Sprint(e.Positions), " ", ",")))
	}
	if len(e.IDs) > 0 {
		o.Strings("ids", IDs(e.IDs))
	}
	for _, m := range more {
		o.JSON(m.Name, m.Value)
	}
	var whole jsonline.Object
	whole.JSON("error", o.Bytes())
	return whole.Bytes()
}

// Expectation returns a number for an exact revision, else a string.
func Expectation(e firn.Expectation) []byte {
	if _, exact := e.Exact(); exact {
		return []byte(e.String())
	}
	return jsonline.AppendString(nil, e.String())
}
