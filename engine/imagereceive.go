package engine

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
)

// ReceiveImage reads an image into a directory of its own beside the store's
// data, verifies every checksum, makes it durable, and then notes that it is
// there: the next Open puts it in the place of what the store holds. Until the
// note is durable nothing has changed. An image that was waiting is dropped
// first. The engine may be open meanwhile. More may be taken from r than belongs
// to the image. ErrDamaged: the bytes are not what was sent.
func ReceiveImage(fs vfs.FS, engineDir string, r io.Reader) (ImageInfo, error) {
	if err := diskfs.MakeDir(fs, engineDir); err != nil {
		return ImageInfo{}, err
	}
	if err := DropImage(fs, engineDir); err != nil {
		return ImageInfo{}, err
	}
	dir := fs.PathJoin(engineDir, incomingDir)
	info, err := receive(fs, dir, r)
	if err == nil {
		err = checkReceived(fs, dir, &info)
	}
	if err == nil {
		err = errors.Join(diskfs.SyncDir(fs, dir), diskfs.SyncDir(fs, engineDir))
	}
	if err == nil {
		err = writeMarker(fs, engineDir, &info)
	}
	if err != nil {
		return ImageInfo{}, errors.Join(err, DropImage(fs, engineDir))
	}
	return info, nil
}

// receive reads an image's files into a directory and syncs each.
func receive(fs vfs.FS, dir string, r io.Reader) (ImageInfo, error) {
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return ImageInfo{}, err
	}
	return ReadImage(r, func(f *ImageFile) error {
		if f.Held {
			return firn.Errorf(firn.ErrDamaged, "an image leaves the bytes of its file %s out; send it whole", f.Name)
		}
		return f.Save(fs, fs.PathJoin(dir, f.Name))
	})
}

// imageReader reads an image. The first error stays.
type imageReader struct {
	r   *bufio.Reader
	all hash.Hash // of all but the files' bytes
	err error
}

func (in *imageReader) failure(where string) error {
	if errors.Is(in.err, io.EOF) || errors.Is(in.err, io.ErrUnexpectedEOF) {
		return firn.Errorf(firn.ErrDamaged, "an image is cut short %s; send it again", where)
	}
	return in.err
}

func (in *imageReader) take(n int) []byte {
	if in.err != nil {
		return nil
	}
	b := make([]byte, n)
	if _, in.err = io.ReadFull(in.r, b); in.err != nil {
		return nil
	}
	in.all.Write(b)
	return b
}

func (in *imageReader) byte() byte {
	if b := in.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (in *imageReader) uvarint() (n uint64) {
	for shift := 0; in.err == nil; shift += 7 {
		b := in.byte()
		if shift == 63 && b > 1 {
			in.err = firn.Errorf(firn.ErrDamaged, "an image holds a number of more than 64 bits; send it again")
			return 0
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	return 0
}

func (in *imageReader) bytes(bytesMax uint64) []byte {
	n := in.uvarint()
	if in.err == nil && n > bytesMax {
		in.err = firn.Errorf(firn.ErrDamaged, "an image holds a length of %d where at most %d is possible; send it again", n, bytesMax)
	}
	if in.err != nil {
		return nil
	}
	return in.take(int(n))
}

func (in *imageReader) info() (ImageInfo, error) {
	magic := in.take(len(imageMagic) + 1)
	if in.err != nil {
		return ImageInfo{}, in.failure("in its head")
	}
	if string(magic[:len(imageMagic)]) != imageMagic {
		return ImageInfo{}, firn.Errorf(firn.ErrInvalid, "these bytes are no image of a Firn store: they begin with %q", magic)
	}
	if version := magic[len(imageMagic)]; version != imageVersion {
		return ImageInfo{}, firn.Errorf(firn.ErrUnsupported, "an image of version %d; this release reads version %d", version, imageVersion)
	}
	body := in.bytes(imageInfoMax)
	sum := in.take(8)
	if in.err != nil {
		return ImageInfo{}, in.failure("in its head")
	}
	return parseImageInfo(binary.AppendUvarint(magic, uint64(len(body))), body, binary.BigEndian.Uint64(sum))
}

// trailer reads the rest of the trailer, whose first byte is read.
func (in *imageReader) trailer(files, total uint64) error {
	statedFiles, statedTotal := in.uvarint(), in.uvarint()
	sum := in.all.Sum(nil)
	stated := in.take(sha256.Size)
	if in.err != nil {
		return in.failure("in its trailer")
	}
	if statedFiles != files || statedTotal != total || !bytes.Equal(stated, sum) {
		return firn.Errorf(firn.ErrDamaged, "an image ends with %d files of %d bytes in all; %d of %d arrived, or its SHA-256 is another; send it again",
			statedFiles, statedTotal, files, total)
	}
	return nil
}
