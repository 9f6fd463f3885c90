package server

import (
	"context"
	"crypto/sha256"
	"io"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/server/wire"
)

// Backup gives an image of this node's store, which lasts until it is closed:
// with everything that was acknowledged before the call, unless the request says
// that what this node has will do.
func (b backend) Backup(ctx context.Context, m *wire.Backup, read func(bytes uint64)) (size uint64, image io.ReadCloser, err error) {
	actor, err := b.Guard.Administer(ctx, "take a backup")
	if err != nil {
		return 0, nil, err
	}
	if _, _, err := b.Guard.Head(ctx, firn.Consistency{Local: m.Local}); err != nil {
		return 0, nil, err
	}
	r, err := b.node.current()
	if err != nil {
		return 0, nil, err
	}
	held := make(map[[sha256.Size]byte]int64, len(m.Held))
	for _, h := range m.Held {
		held[h.Sum] = int64(h.Bytes)
	}
	ctx, cancel := context.WithCancel(ctx)
	pace, total := pace{ctx: ctx, rate: m.Rate}, uint64(0)
	info, whole, data, err := r.images.image(ctx, engine.ImageOptions{
		Held: held,
		Read: func(bytes int) error {
			total += uint64(bytes)
			read(total)
			return pace.read(bytes)
		},
	})
	if err != nil {
		cancel()
		return 0, nil, err
	}
	b.node.log.Info("a backup is taken", "position", info.Head, "index", info.Index, "bytes", whole, "actor", actor)
	return uint64(whole), &pacedImage{data, cancel}, nil
}

// pacedImage is an image whose reading may be waiting when it is closed.
type pacedImage struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (i *pacedImage) Close() error {
	i.cancel()
	return i.ReadCloser.Close()
}
