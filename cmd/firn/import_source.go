package main

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
)

// importSource is what an import reads its lines from.
type importSource struct {
	io.Reader        // decompressed
	name      string // tells imports apart
	named     bool   // by the user: the file may have grown since
	file      string // for those who look at the progress later
	bytes     int64  // size as it lies there; -1: not known
	count     countingReader
	close     func() error
}

// openImport opens o.path; "-" is in.
func openImport(in io.Reader, o *importOptions) (*importSource, error) {
	s := &importSource{name: o.name, named: o.name != "", file: filepath.Base(o.path), bytes: -1, close: func() error { return nil }}
	s.count.r = in
	if o.path != "-" || !s.named {
		f, err := s.open(in, o.path)
		if err != nil {
			return nil, usage("import: %v", err)
		}
		s.count.r = f
	}
	buffered := bufio.NewReaderSize(&s.count, 256<<10)
	s.Reader = readErrors{buffered}
	if magic, err := buffered.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			s.Close()
			return nil, usage("import: %s is not whole gzip: %v", o.path, err)
		}
		s.Reader = readErrors{unzipped}
	}
	return s, nil
}

// open returns the file, at its start and hashed where it has no other name.
// Standard input is copied to a temporary file for that.
func (s *importSource) open(in io.Reader, path string) (*os.File, error) {
	var f *os.File
	var err error
	if path == "-" {
		if f, err = os.CreateTemp("", "firn-import-*"); err != nil {
			return nil, err
		}
		os.Remove(f.Name()) // it lives as long as it is open
		if _, err = io.Copy(f, in); err == nil {
			_, err = f.Seek(0, io.SeekStart)
		}
	} else {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	s.close = f.Close
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New(path + " is a directory; name a file")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.bytes = info.Size()
	if s.named {
		return f, nil
	}
	sum := sha256.New()
	if _, err = io.Copy(sum, f); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	s.name = hex.EncodeToString(sum.Sum(nil))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (s *importSource) read() int64  { return s.count.n.Load() }
func (s *importSource) Close() error { return s.close() }

// countingReader counts bytes as they lie in the file, for the progress bar.
type countingReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// readErrors marks the errors of reading the file, so that they can be told
// from those of the store.
type readErrors struct{ r io.Reader }

type readError struct{ error }

func (r readErrors) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	if err != nil && err != io.EOF {
		err = readError{err}
	}
	return n, err
}

func (e readError) Unwrap() error { return e.error }

func isReadError(err error) bool {
	var e readError
	return errors.As(err, &e)
}
