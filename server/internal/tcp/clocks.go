package tcp

import (
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// lookAfter watches the clocks of all connections, so that none needs a timer
// or a deadline of its own for each frame.
func (s *Server) lookAfter() {
	defer s.done.Done()
	ticker := time.NewTicker(max(min(s.o.KeepAlive, s.o.FrameTimeout)/4, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			for _, c := range s.snapshot() {
				if c.ready.Load() {
					c.lookAfter(now)
				}
			}
		case <-s.ctx.Done():
			return
		}
	}
}

func (c *conn) lookAfter(now time.Time) {
	o := &c.server.o
	silent := now.Sub(time.Unix(0, c.heard.Load()))
	arriving, frameMax := c.arriving(now), o.FrameTimeout+time.Duration(c.allowed.Load())
	switch {
	case c.out.Stuck(now) > o.FrameTimeout:
		c.server.o.Logger.Warn("closing a connection whose client does not read", "remote", c.nc.RemoteAddr(), "since", c.out.Stuck(now))
		c.close()
	case arriving > frameMax:
		// The reading goroutine is inside the frame; it stays there until the
		// connection is closed.
		go func() {
			c.refuse(firn.Errorf(firn.ErrTimeout, "a frame was not complete %v after its first byte", o.FrameTimeout))
			c.close()
		}()
	case silent > 3*o.KeepAlive:
		c.server.o.Logger.Debug("closing a silent connection", "remote", c.nc.RemoteAddr(), "silent", silent)
		c.close()
	case silent > o.KeepAlive && c.out.Stuck(now) == 0:
		go c.answer(0, &wire.Plain{Is: wire.KindPing})
	}
}
