package web

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/firndb/firn"
)

// form is how events are written.
type form int

const (
	ndjson form = iota // one object a line
	array              // one list
	sse                // server-sent events, going on
)

var forms = []string{ndjson: "application/x-ndjson", array: firn.JSON, sse: "text/event-stream"}

// formOf returns what the client likes best. Between equals, what it names
// comes before what it only does not mind, and lines before a list.
func formOf(accept []string) (form, error) {
	if len(accept) == 0 {
		return ndjson, nil
	}
	best, bestRank := form(-1), rank{}
	for f, name := range forms {
		if r := rankOf(accept, name); r.quality > 0 && (best < 0 || r.over(bestRank)) {
			best, bestRank = form(f), r
		}
	}
	if best < 0 {
		return 0, refused(http.StatusNotAcceptable, firn.ErrUnsupported, "events cannot be written as %.200s; accept %s", strings.Join(accept, ", "), strings.Join(forms, " or "))
	}
	return best, nil
}

// rank is how much a client likes a media type.
type rank struct {
	quality  float64
	specific int // 2: named, 1: its subtype is *, 0: */*
}

func (r rank) over(other rank) bool {
	return r.quality > other.quality || r.quality == other.quality && r.specific > other.specific
}

// rankOf is what the most specific range that covers a media type says of it
// (RFC 9110, 12.5.1).
func rankOf(accept []string, name string) (best rank) {
	best.specific = -1
	kind, _, _ := strings.Cut(name, "/")
	for _, list := range accept {
		for entry := range strings.SplitSeq(list, ",") {
			media, params, err := mime.ParseMediaType(entry)
			if err != nil {
				continue
			}
			r := rank{quality: 1}
			switch media {
			case name:
				r.specific = 2
			case kind + "/*":
				r.specific = 1
			case "*/*", "*":
			default:
				continue
			}
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
				r.quality = q
			}
			if r.specific > best.specific {
				best = r
			}
		}
	}
	return best
}
