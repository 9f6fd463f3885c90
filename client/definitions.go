package client

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

var _ firn.Definitions = (*Client)(nil)

// Define gives a name a new definition, or ends it; see [firn.Definitions]. The
// id of the event that records it is made once, so that a repetition by the
// client defines nothing twice.
func (c *Client) Define(ctx context.Context, class firn.DefinitionClass, name string, source []byte, expect firn.Expectation) (firn.Definition, error) {
	return c.DefineWithID(ctx, firn.NewID(), class, name, source, expect)
}

// DefineWithID is Define with an id of the caller's own, by which an ErrUnknown
// can be repeated safely.
func (c *Client) DefineWithID(ctx context.Context, id firn.ID, class firn.DefinitionClass, name string, source []byte, expect firn.Expectation) (firn.Definition, error) {
	if id.IsZero() {
		return firn.Definition{}, firn.Errorf(firn.ErrInvalid, "a definition needs an id; firn.NewID makes one")
	}
	r := &request{changes: true, stream: firn.DefinitionsStream, ids: []firn.ID{id}}
	m, err := ask[*wire.Defined](ctx, c, r, &wire.Define{Class: class, Name: name, ID: id, Expect: expect, Source: source})
	if err != nil {
		return firn.Definition{}, err
	}
	return m.Definition, nil
}

// Definitions returns the definitions of a class as of a point; see
// [firn.Definitions].
func (c *Client) Definitions(ctx context.Context, class firn.DefinitionClass, at firn.Point) ([]firn.Definition, error) {
	return c.definitions(ctx, &wire.Definitions{Class: class, At: at})
}

// DefinitionVersions returns all versions of a definition; see
// [firn.Definitions].
func (c *Client) DefinitionVersions(ctx context.Context, class firn.DefinitionClass, name string) ([]firn.Definition, error) {
	if name == "" {
		return nil, firn.Errorf(firn.ErrInvalid, "no name is given; whose versions are wanted?")
	}
	return c.definitions(ctx, &wire.Definitions{Class: class, VersionsOf: name})
}

func (c *Client) definitions(ctx context.Context, m *wire.Definitions) ([]firn.Definition, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.Credit = uint64(c.o.WindowBytes)
	t := c.newTries(false, "")
	for {
		found, err := listDefinitions(ctx, &t, m)
		if err == nil {
			return found, nil
		}
		if !t.again(ctx, err) {
			return nil, t.failure(ctx, err, &request{})
		}
	}
}

// listDefinitions makes one attempt.
func listDefinitions(ctx context.Context, t *tries, m *wire.Definitions) (found []firn.Definition, err error) {
	f, err := t.begin(ctx, wire.KindDefinitions, m.AppendBody(nil))
	if err != nil {
		return nil, err
	}
	defer f.end()
	for {
		got, err := f.next(ctx, t.deadline)
		if err != nil {
			return nil, err
		}
		switch got.kind {
		case wire.KindEnd:
			return found, nil
		case wire.KindDefinitionList:
			var list wire.DefinitionList
			if err := wire.ParseInto(&list, got.body); err != nil {
				return nil, err
			}
			found = append(found, list.Definitions...)
			t.progress()
		default:
			return nil, firn.Errorf(firn.ErrInternal, "the node answered a list of definitions with %v", got.kind)
		}
	}
}
