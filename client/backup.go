package client

import (
	"context"
	"io"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// BackupOptions say what a backup is to hold, and how it comes.
type BackupOptions struct {
	Held  []wire.HeldFile // files that the caller has from before: their bytes are left out
	Rate  uint64          // bytes a second that the node reads at most; 0: as fast as it can
	Local bool            // of what the node has applied, without asking the leader
}

// Backup has the node at the address (for "": any, best one that does not lead)
// make an image of its store, and passes it to take as it comes: the node, the
// size, what is left out counted in, and the bytes. It holds everything that was
// acknowledged before the call, unless Local is set. The image is gone when take
// returns. One that is cut off is not gone on with: make another.
func (c *Client) Backup(ctx context.Context, address string, o BackupOptions, take func(from Node, bytes uint64, image io.Reader) error) error {
	t := c.newTries(true, address)
	t.spread = address == ""
	m := wire.Backup{Held: o.Held, Rate: o.Rate, Local: o.Local, Credit: uint64(c.o.WindowBytes)}
	body := m.AppendBody(nil)
	for {
		f, bytes, err := beginBackup(ctx, &t, body)
		if err == nil {
			defer f.end()
			return take(nodeOf(t.address, f.conn), bytes, &imageReader{ctx: ctx, tries: &t, flow: f})
		}
		if !t.again(ctx, err) {
			return t.failure(ctx, err, &request{})
		}
	}
}

// beginBackup makes one attempt, until the node has its image.
func beginBackup(ctx context.Context, t *tries, body []byte) (*flow, uint64, error) {
	f, err := t.begin(ctx, wire.KindBackup, body)
	if err != nil {
		return nil, 0, err
	}
	got, err := f.next(ctx, t.deadline)
	for err == nil && got.kind == wire.KindProgress {
		t.progress()
		got, err = f.next(ctx, t.deadline)
	}
	if err == nil {
		var begins wire.BackupBegins
		if got.kind != wire.KindBackupBegins {
			err = firn.Errorf(firn.ErrInternal, "a backup began with %v", got.kind)
		} else if err = wire.ParseInto(&begins, got.body); err == nil {
			return f, begins.Bytes, nil
		}
	}
	f.end()
	return nil, 0, err
}

// imageReader reads the bytes of an image out of its frames.
type imageReader struct {
	ctx   context.Context
	tries *tries
	flow  *flow
	rest  []byte
	err   error
}

func (r *imageReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		r.tries.progress() // for as long as the reader takes, nobody waits
		var got frame
		if got, r.err = r.flow.next(r.ctx, r.tries.deadline); r.err != nil {
			r.err = r.tries.failure(r.ctx, r.err, &request{})
			break
		}
		switch got.kind {
		case wire.KindEnd:
			r.err = io.EOF
		case wire.KindProgress:
		case wire.KindBackupPart:
			var m wire.BackupPart
			r.err = wire.ParseInto(&m, got.body)
			r.rest = m.Part
		default:
			r.err = firn.Errorf(firn.ErrInternal, "in the middle of a backup came %v", got.kind)
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	if n == 0 && len(p) > 0 {
		return 0, r.err
	}
	return n, nil
}
