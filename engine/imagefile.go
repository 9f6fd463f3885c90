package engine

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
)

// ImageFile is one file of an image that is being read.
type ImageFile struct {
	Name  string
	Bytes int64
	Held  bool              // the reader has it already, and its bytes do not follow
	Sum   [sha256.Size]byte // SHA-256 of its bytes; of a file that is not held it is known once Body has ended

	// Body gives the file's bytes. It ends with io.EOF once they are found to be
	// those that were sent, else with an error. nil for one that is held.
	Body io.Reader
}

// ReadImage reads an image, and passes each of its files to take, which reads
// its Body to the end. Whatever take has been given counts only once ReadImage
// returns without an error. More may be taken from r than belongs to the image.
// Errors: those of take, and ErrDamaged, ErrInvalid and ErrUnsupported where
// the bytes are not those of an image.
func ReadImage(r io.Reader, take func(*ImageFile) error) (ImageInfo, error) {
	in := imageReader{r: bufio.NewReaderSize(r, imageReadBytes), all: sha256.New()}
	info, err := in.info()
	if err != nil {
		return ImageInfo{}, err
	}
	last, total := "", uint64(0)
	for files := uint64(0); files <= imageFilesMax; files++ {
		kind := in.byte()
		switch {
		case in.err != nil:
			return ImageInfo{}, in.failure("between two files")
		case kind == imageTrailer:
			return info, in.trailer(files, total)
		case kind != imageFile && kind != imageHeld:
			return ImageInfo{}, firn.Errorf(firn.ErrDamaged, "an image goes on with 0x%02x where a file or its end should be; send it again", kind)
		}
		name := string(in.bytes(imageNameMax))
		size := in.uvarint()
		if in.err != nil {
			return ImageInfo{}, in.failure("at a file's name")
		}
		if !imageName(name) || name <= last {
			return ImageInfo{}, firn.Errorf(firn.ErrDamaged, "an image holds a file named %q after %q; that is no image of Firn's, or it was damaged", name, last)
		}
		if size > imageFileBytesMax {
			return ImageInfo{}, firn.Errorf(firn.ErrDamaged, "an image holds a file %s of %d bytes; send it again", name, size)
		}
		last = name
		total += size
		if err := in.file(&ImageFile{Name: name, Bytes: int64(size), Held: kind == imageHeld}, take); err != nil {
			return ImageInfo{}, err
		}
	}
	return ImageInfo{}, firn.Errorf(firn.ErrDamaged, "an image of more than %d files; that is no image of Firn's", imageFilesMax)
}

// imageFileBytesMax bounds what an image may say of a file's size.
const imageFileBytesMax = 1 << 62

// file has one file taken.
func (in *imageReader) file(f *ImageFile, take func(*ImageFile) error) error {
	if f.Held {
		copy(f.Sum[:], in.take(sha256.Size))
		if in.err != nil {
			return in.failure("behind its file " + f.Name)
		}
		return take(f)
	}
	body := &imageBody{in: in, file: f, left: f.Bytes, sum: sha256.New()}
	f.Body = body
	if err := take(f); err != nil {
		return err
	}
	if !body.ended {
		return firn.Errorf(firn.ErrInternal, "the file %s of an image was not read to its end", f.Name)
	}
	return nil
}

// imageBody is a file's bytes, and the check of what stands behind them.
type imageBody struct {
	in    *imageReader
	file  *ImageFile
	left  int64
	sum   hash.Hash
	ended bool
}

func (b *imageBody) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	if b.left == 0 {
		return 0, b.end()
	}
	n, err := b.in.r.Read(p[:min(int64(len(p)), b.left)])
	b.sum.Write(p[:n])
	b.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = firn.Errorf(firn.ErrDamaged, "an image is cut short in its file %s; send it again", b.file.Name)
	}
	return n, err
}

func (b *imageBody) end() error {
	stated := b.in.take(sha256.Size)
	if b.in.err != nil {
		return b.in.failure("behind its file " + b.file.Name)
	}
	b.file.Sum = [sha256.Size]byte(b.sum.Sum(nil))
	if !bytes.Equal(stated, b.file.Sum[:]) {
		return firn.Errorf(firn.ErrDamaged, "the file %s of an image arrived damaged: its SHA-256 is not the one that was sent; send it again", b.file.Name)
	}
	b.ended = true
	return io.EOF
}

// Save writes the file's bytes to a new file, and syncs it.
func (f *ImageFile) Save(fs vfs.FS, path string) error {
	to, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	// With a buffer of its own: a vfs.File may change the bytes that it is given.
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, f.Body, make([]byte, imageReadBytes))
	if err == nil {
		err = to.Sync()
	}
	if closing := to.Close(); err == nil {
		err = closing
	}
	return err
}
