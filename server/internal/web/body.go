package web

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/firndb/firn"
)

// bodyBytesFirst is taken for a body before anything of it has arrived.
const bodyBytesFirst = 4 << 10

// body reads a request's body of at most most bytes. Memory is taken as the body
// arrives, out of a budget that all requests share; free gives it back, after an error too.
func (d *Door) body(a *answer, r *http.Request, most int) (body []byte, free func(), err error) {
	taken := 0
	free = func() { d.bytes.Add(int64(-taken)) }
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, free, refused(http.StatusUnsupportedMediaType, firn.ErrUnsupported, "the body is encoded as %.40q; send it as it is", encoding)
	}
	tooLarge := firn.Errorf(firn.ErrTooLarge, "the body has more than %d bytes; split the append, or keep large content elsewhere", most)
	if r.ContentLength > int64(most) {
		return nil, free, tooLarge
	}
	take := func(n int) error {
		taken += n
		if d.bytes.Add(int64(n)) > d.o.MaxBytesInFlight {
			return firn.Errorf(firn.ErrBusy, "the bodies of requests in flight take %d bytes, which is this node's limit; try again in a moment", d.o.MaxBytesInFlight)
		}
		return nil
	}
	control := http.NewResponseController(a)
	start := time.Now()
	for {
		if len(body) == cap(body) {
			size := min(max(2*cap(body), bodyBytesFirst), most+1)
			if err := take(size - cap(body)); err != nil {
				return nil, free, err
			}
			body = append(make([]byte, 0, size), body...)
		}
		// Who sends 64 KiB a second, after a moment's silence, is not cut off.
		late := d.o.StallTimeout + time.Duration(len(body)>>16)*time.Second
		control.SetReadDeadline(start.Add(late)) // fails only where there is no connection
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > most:
			return nil, free, tooLarge
		case err == io.EOF:
			a.arrived()
			return body, free, nil
		case err != nil:
			return nil, free, notRead(err, r.ContentLength, len(body))
		}
	}
}

// notRead says why a body has not arrived.
func notRead(err error, announced int64, arrived int) error {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return refused(http.StatusRequestTimeout, firn.ErrTimeout, "the body did not arrive in time; %d bytes of it did. Nothing was done", arrived)
	}
	return firn.Errorf(firn.ErrInvalid, "the body was not read to its end (%d bytes arrived, %d were announced): %v", arrived, announced, err)
}
