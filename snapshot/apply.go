package snapshot

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jq"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/internal/rawjson"
)

var errNoJSON = errors.New("its data is not JSON, so it cannot be merged")

// jsonData returns an event's data to merge; None where it has none.
func jsonData(e *firn.Event) (rawjson.Value, error) {
	if len(e.Data) == 0 {
		return rawjson.Value{}, nil
	}
	if !cloudevents.IsJSON(e.ContentType) {
		return rawjson.Value{}, fmt.Errorf("%w (its content type is %.64s)", errNoJSON, e.ContentType)
	}
	v, err := rawjson.Parse(e.Data, firn.EventBytesMax)
	if err != nil {
		return v, fmt.Errorf("%w: %w", errNoJSON, err)
	}
	return v, nil
}

var errRuleFails = errors.New("its rule is fail")

// treeState is the state of a fold without jq expressions: a tree whose leaves
// keep their bytes and whose members keep their order. It is changed in place, so
// that an event costs what it changes.
type treeState struct {
	fold *Declared
	tree rawjson.Value
	most int // the state has at most so many bytes
	last int // how many it had when it was written last
}

func (d *Declared) startTree(state []byte) (State, error) {
	tree, err := rawjson.Parse(state, firn.SnapshotBytesMax)
	if err != nil {
		return nil, firn.Errorf(firn.ErrDamaged, "a state of the fold %s cannot be read: %v", d.name, err)
	}
	return &treeState{d, tree, len(state), len(state)}, nil
}

func (s *treeState) Apply(ctx context.Context, e *firn.Event) error {
	if err := s.apply(e); err != nil {
		return failed(ctx, s.fold.name, e, err)
	}
	return nil
}

func (s *treeState) apply(e *firn.Event) error {
	switch s.fold.rule(e.Type).text {
	case ignore:
		return nil
	case fail:
		return errRuleFails
	}
	patch, err := jsonData(e)
	if err != nil || patch.Kind() == rawjson.None {
		return err
	}
	s.tree.Merge(&patch)
	// What was merged adds at most its own bytes and a comma. Only where that
	// comes to too much is the state measured.
	if s.most += len(e.Data) + 1; s.most > firn.SnapshotBytesMax {
		if s.most = len(s.tree.Bytes()); s.most > firn.SnapshotBytesMax {
			return tooLarge(s.fold.name, s.most)
		}
	}
	return nil
}

func (s *treeState) JSON() ([]byte, error) {
	text := s.tree.Append(make([]byte, 0, s.last+s.last/8+64))
	s.last = len(text)
	return text, nil
}

// valueState is the state of a fold with jq expressions: the value that they
// compute with. It is never changed in place, since values share their parts
// with each other, with events and with programs.
type valueState struct {
	fold  *Declared
	value any
}

func (d *Declared) startValue(state []byte) (State, error) {
	v, err := jq.Decode(state)
	if err != nil {
		return nil, firn.Errorf(firn.ErrDamaged, "a state of the fold %s cannot be read: %v", d.name, err)
	}
	return &valueState{d, v}, nil
}

func (s *valueState) Apply(ctx context.Context, e *firn.Event) error {
	value, err := s.apply(ctx, e)
	if err != nil {
		return failed(ctx, s.fold.name, e, err)
	}
	s.value = value
	return nil
}

func (s *valueState) apply(ctx context.Context, e *firn.Event) (any, error) {
	r := s.fold.rule(e.Type)
	switch {
	case r.program != nil:
		var event any
		if r.program.Uses("$event") {
			var err error
			if event, err = EventValue(e); err != nil {
				return nil, err
			}
		}
		return r.program.Run(ctx, s.value, event)
	case r.text == ignore:
		return s.value, nil
	case r.text == fail:
		return nil, errRuleFails
	}
	patch, err := jsonData(e)
	if err != nil || patch.Kind() == rawjson.None {
		return s.value, err
	}
	value, err := jq.Decode(patch.Bytes())
	if err != nil {
		return nil, err
	}
	value = mergeValue(s.value, value)
	return value, jq.Check(value)
}

// mergeValue is rawjson's Merge on values that must not be changed.
func mergeValue(v, patch any) any {
	from, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	to, _ := v.(map[string]any)
	if to = maps.Clone(to); to == nil {
		to = make(map[string]any, len(from))
	}
	for name, value := range from {
		if value == nil {
			delete(to, name)
		} else {
			to[name] = mergeValue(to[name], value)
		}
	}
	return to
}

func (s *valueState) JSON() ([]byte, error) {
	text := jq.Encode(s.value)
	if len(text) > firn.SnapshotBytesMax {
		return nil, tooLarge(s.fold.name, len(text))
	}
	return text, nil
}

// EventValue returns an event as a program sees it, in $event: as `firn read -o
// json` prints it.
func EventValue(e *firn.Event) (any, error) {
	var o jsonline.Object
	eventjson.Event(&o, e)
	return jq.Decode(o.Bytes())
}
