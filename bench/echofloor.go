package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// echoRequestBytes is about the size of a request for a stream.
const echoRequestBytes = 64

// echoFloor is the least that a read over TCP costs on this machine: a bare
// server on loopback that answers a small request with as many bytes as it
// names.
type echoFloor struct {
	listener net.Listener
	answer   []byte // the longest one

	mu    sync.Mutex
	conns []net.Conn

	serving sync.WaitGroup
}

func openEchoFloor(answer []byte) (*echoFloor, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the floor's listener: %w", err)
	}
	f := &echoFloor{listener: listener, answer: answer}
	f.serving.Go(f.accept)
	return f, nil
}

func (f *echoFloor) close() error {
	err := f.listener.Close()
	f.mu.Lock()
	for _, c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	f.serving.Wait()
	return err
}

func (f *echoFloor) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return // it is closed, and nothing else ends a listener on loopback
		}
		f.serving.Go(func() { f.serve(conn) })
	}
}

// serve answers until the client has closed its end.
func (f *echoFloor) serve(conn net.Conn) {
	defer conn.Close()
	var request [echoRequestBytes]byte
	for {
		if _, err := io.ReadFull(conn, request[:]); err != nil {
			return
		}
		n := min(binary.BigEndian.Uint32(request[:]), uint32(len(f.answer)))
		if _, err := conn.Write(f.answer[:n]); err != nil {
			return
		}
	}
}

// client returns the call of one client: a request, and its answer of so many
// bytes, which stand for so many events.
func (f *echoFloor) client(answerBytes, events int) call {
	conn, err := net.Dial("tcp", f.listener.Addr().String())
	if err != nil {
		return func(context.Context, func(int) bool) error { return err }
	}
	f.mu.Lock()
	f.conns = append(f.conns, conn)
	f.mu.Unlock()

	var request [echoRequestBytes]byte
	binary.BigEndian.PutUint32(request[:], uint32(answerBytes))
	answer := make([]byte, answerBytes)
	return func(_ context.Context, lap func(int) bool) error {
		_, err := conn.Write(request[:])
		if err == nil {
			_, err = io.ReadFull(conn, answer)
		}
		if err != nil {
			return errors.Join(errors.New("the floor's echo"), err)
		}
		lap(events)
		return nil
	}
}
