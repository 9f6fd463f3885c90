package server

import (
	"context"
	"io"
	"strconv"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/raftlog"
)

// machine shows the engine to replication: the two packages do not know each
// other.
type machine struct {
	*engine.Engine
	fs     vfs.FS
	before func() // called before each Apply
	engine string // its directory
	outbox string // images on their way to other replicas lie here
	images atomic.Uint64
}

var _ replication.Machine = (*machine)(nil)

// Apply is [engine.Engine.Apply].
func (m *machine) Apply(entries []replication.Entry) ([][]command.Result, error) {
	m.before()
	own := make([]engine.Entry, len(entries))
	for i, e := range entries {
		own[i] = engine.Entry(e)
	}
	return m.Engine.Apply(own)
}

// Image checkpoints the engine into a directory of its own, which goes when
// the image's data is closed.
func (m *machine) Image(ctx context.Context) (*replication.Image, error) {
	info, size, data, err := m.image(ctx, engine.ImageOptions{})
	if err != nil {
		return nil, err
	}
	return &replication.Image{Index: info.Index, Term: info.Term, Size: size, Data: data}, nil
}

// image is Image for anybody. The size is that of the whole image, whatever the
// options leave out.
func (m *machine) image(ctx context.Context, o engine.ImageOptions) (info engine.ImageInfo, size int64, data io.ReadCloser, err error) {
	dir := m.fs.PathJoin(m.outbox, strconv.FormatUint(m.images.Add(1), 10))
	defer func() {
		if err != nil {
			_ = m.fs.RemoveAll(dir)
		}
	}()
	if err := m.fs.MkdirAll(m.outbox, 0o755); err != nil {
		return info, 0, nil, err
	}
	if err := m.fs.RemoveAll(dir); err != nil {
		return info, 0, nil, err
	}
	if info, err = m.Engine.Checkpoint(dir); err != nil {
		return info, 0, nil, err
	}
	if size, err = engine.ImageBytes(m.fs, dir, info); err != nil {
		return info, 0, nil, err
	}
	r, w := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.CloseWithError(engine.WriteImage(m.fs, dir, info, o, w))
	}()
	stop := context.AfterFunc(ctx, func() { r.CloseWithError(context.Cause(ctx)) })
	return info, size, &outgoing{r, func() {
		stop()
		<-written
		_ = m.fs.RemoveAll(dir)
	}}, nil
}

// outgoing is an image's data; done runs when it is closed.
type outgoing struct {
	*io.PipeReader
	done func()
}

func (o *outgoing) Close() error {
	err := o.PipeReader.Close()
	o.done()
	return err
}

// Receive takes an image into the engine's directory, beside the data in use.
func (m *machine) Receive(_ string, index, term uint64) (raftlog.Receiver, error) {
	r, w := io.Pipe()
	in := &incoming{PipeWriter: w, done: make(chan error, 1)}
	go func() {
		info, err := engine.ReceiveImage(m.fs, m.engine, r)
		if err == nil && (info.Index != index || info.Term != term) {
			err = errOtherImage(info, index, term)
		}
		r.CloseWithError(err)
		in.done <- err
	}()
	return in, nil
}

// incoming is an image that is being received.
type incoming struct {
	*io.PipeWriter
	done chan error
}

// Finish returns once the image is verified and synced.
func (i *incoming) Finish() error {
	i.PipeWriter.Close()
	return <-i.done
}

// Abort leaves nothing that would be put to use.
func (i *incoming) Abort() {
	i.CloseWithError(errAborted)
	<-i.done
}
