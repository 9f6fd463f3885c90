package engine

import (
	"context"

	"github.com/firndb/firn"
)

// pastSource yields a stream's events and the changes of its life out of the
// sealed layers, in order of position. The index of both streams leads to the
// layers that hold them; no others are read.
type pastSource struct {
	src     [2]*streamSource // nil: nothing is left
	pending [2][]located
	out     []located
}

// past returns what a follower of one stream reads of the sealed layers.
func (f *Follower) past(b bound) (source, error) {
	if err := f.e.enter(); err != nil {
		return nil, err
	}
	defer f.e.leave()
	l := lookup{db: f.e.db, s: f.s}
	defer l.close()
	st, err := l.status(f.stream, b)
	if err != nil {
		return nil, err
	}
	src := new(pastSource)
	if src.src[0], err = f.between(&l, f.stream, max(st.first, f.revision)); err != nil {
		return nil, err
	}
	src.src[1], err = f.between(&l, firn.LifeStream(f.stream), 0)
	return src, err
}

// between returns a stream's events of the pass from a revision on, nil where
// there are none.
func (f *Follower) between(l *lookup, stream string, first uint64) (*streamSource, error) {
	from, err := l.nextAt(stream, f.at)
	if err != nil {
		return nil, err
	}
	end, err := l.nextAt(stream, f.end)
	if err != nil || max(from, first) >= end {
		return nil, err
	}
	return &streamSource{stream: stream, next: max(from, first), last: end - 1}, nil
}

func (p *pastSource) fill(ctx context.Context, l *lookup, want int) ([]located, error) {
	for i, src := range p.src {
		if src == nil || len(p.pending[i]) > 0 {
			continue
		}
		var err error
		if p.pending[i], err = src.fill(ctx, l, want); err != nil {
			return nil, err
		}
		if len(p.pending[i]) == 0 {
			p.src[i] = nil
		}
	}
	p.out = p.out[:0]
	for len(p.pending[0]) > 0 || len(p.pending[1]) > 0 {
		i := 0
		if len(p.pending[0]) == 0 || len(p.pending[1]) > 0 && p.pending[1][0].node.Position < p.pending[0][0].node.Position {
			i = 1
		}
		p.out = append(p.out, p.pending[i][0])
		p.pending[i] = p.pending[i][1:]
		if len(p.pending[i]) == 0 && p.src[i] != nil {
			break // more of it may come before what the other has
		}
	}
	return p.out, nil
}
