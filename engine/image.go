package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
)

// An image is a full copy of a store at one index, for a new replica or a
// backup. It is the files of a checkpoint, one behind the other, so that
// sending it takes no more memory than a buffer:
//
//	info     see imageinfo.go
//	files    each: 0x01 · name, uvarint length, bytes · size uvarint · the
//	         file's bytes · 32 bytes: SHA-256 of them; names grow. For a
//	         receiver that has said what it holds, 0x03 instead, and no bytes
//	         between the size and the SHA-256
//	trailer  0x02 · count of files, uvarint · size of all of them, uvarint ·
//	         32 bytes: SHA-256 of everything before but the files' bytes
//
// Nothing follows the trailer. A name is that of a file right in the store's
// directory: 1 to 255 bytes, letters, digits and "._-", not beginning with
// a dot.
const (
	imageFile    = 0x01
	imageTrailer = 0x02
	imageHeld    = 0x03

	imageNameMax  = 255
	imageFilesMax = 1 << 20
)

// imageFileInfo is one file of a checkpoint.
type imageFileInfo struct {
	name string
	size int64
}

// imageFiles lists the files of a checkpoint, by name.
func imageFiles(fs vfs.FS, dir string) ([]imageFileInfo, error) {
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var files []imageFileInfo
	for _, name := range names {
		if name == lockFile {
			continue // a process's own, made by looking into the checkpoint
		}
		stat, err := fs.Stat(fs.PathJoin(dir, name))
		if err != nil {
			return nil, err
		}
		if stat.IsDir() || !imageName(name) {
			return nil, firn.Errorf(firn.ErrInvalid, "the directory %s holds %q, which is no part of a checkpoint; give the directory that Checkpoint has made", dir, name)
		}
		files = append(files, imageFileInfo{name, stat.Size()})
	}
	return files, nil
}

// imageName reports whether a name may stand in an image. It keeps an image
// from writing anywhere but into its directory.
func imageName(name string) bool {
	if name == "" || len(name) > imageNameMax || name[0] == '.' {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}) < 0
}

// ImageBytes returns the exact number of bytes that WriteImage writes.
func ImageBytes(fs vfs.FS, dir string, info ImageInfo) (int64, error) {
	files, err := imageFiles(fs, dir)
	if err != nil {
		return 0, err
	}
	size, total := int64(len(info.append(nil))), int64(0)
	for _, f := range files {
		size += int64(len(f.head(nil, imageFile))) + f.size + sha256.Size
		total += f.size
	}
	return size + int64(len(trailer(nil, len(files), total))) + sha256.Size, nil
}

func (f *imageFileInfo) head(dst []byte, kind byte) []byte {
	return binary.AppendUvarint(appendBytes(append(dst, kind), f.name), uint64(f.size))
}

func trailer(dst []byte, files int, total int64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(append(dst, imageTrailer), uint64(files)), uint64(total))
}

// ImageOptions say how an image is written. The zero value writes all of it.
type ImageOptions struct {
	Held map[[sha256.Size]byte]int64 // files that the receiver has: their sizes, by their SHA-256
	Read func(bytes int) error       // told of what was read from the disk: may take its time, or end it with an error; nil: nobody is

	unchecked bool // tests: damaged tables are sent
}

// WriteImage writes the checkpoint in a directory as an image. The files must
// stay as they are meanwhile. Damage is not handed on: every block of a table is
// checked before the table is written. ErrDamaged: the checkpoint's own files are.
func WriteImage(fs vfs.FS, dir string, info ImageInfo, o ImageOptions, w io.Writer) error {
	if len(info.Extra) > imageExtraMax {
		return firn.Errorf(firn.ErrTooLarge, "%d bytes of extra information in an image; at most %d are allowed", len(info.Extra), imageExtraMax)
	}
	files, err := imageFiles(fs, dir)
	if err != nil {
		return err
	}
	out := imageWriter{o: o, sizes: map[int64]bool{}, w: w, all: sha256.New()}
	for _, size := range o.Held {
		out.sizes[size] = true
	}
	if err := out.frame(info.append(nil)); err != nil {
		return err
	}
	total := int64(0)
	for _, f := range files {
		if err := checkTable(fs, dir, f.name, nil); err != nil && !o.unchecked {
			return errDamagedTable(fs.PathJoin(dir, f.name), err)
		}
		if err := out.file(fs, dir, &f); err != nil {
			return err
		}
		total += f.size
	}
	if err := out.frame(trailer(nil, len(files), total)); err != nil {
		return err
	}
	_, err = w.Write(out.all.Sum(nil))
	return err
}

type imageWriter struct {
	o     ImageOptions
	sizes map[int64]bool // that files in o.Held have
	w     io.Writer
	all   hash.Hash // of all but the files' bytes
}

func (out *imageWriter) frame(b []byte) error {
	out.all.Write(b)
	_, err := out.w.Write(b)
	return err
}

// file writes one file: without its bytes where the receiver holds them. Only
// one whose size is that of a file held is read for that beforehand.
func (out *imageWriter) file(fs vfs.FS, dir string, f *imageFileInfo) error {
	path := fs.PathJoin(dir, f.name)
	if out.sizes[f.size] {
		sum, err := out.read(fs, path, f, io.Discard)
		if err != nil {
			return err
		}
		if size, held := out.o.Held[sum]; held && size == f.size {
			return out.frame(append(f.head(nil, imageHeld), sum[:]...))
		}
	}
	if err := out.frame(f.head(nil, imageFile)); err != nil {
		return err
	}
	sum, err := out.read(fs, path, f, out.w)
	if err != nil {
		return err
	}
	return out.frame(sum[:])
}

// read copies a file's bytes to w and returns their SHA-256.
func (out *imageWriter) read(fs vfs.FS, path string, f *imageFileInfo, w io.Writer) (sum [sha256.Size]byte, err error) {
	from, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return sum, err
	}
	defer from.Close()
	hash := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(hash, w), io.LimitReader(told{from, out.o.Read}, f.size), make([]byte, imageReadBytes))
	if err == nil && n != f.size {
		err = firn.Errorf(firn.ErrInternal, "the file %s of a checkpoint had %d bytes and now has %d; it must not change while it is sent", f.name, f.size, n)
	}
	return [sha256.Size]byte(hash.Sum(nil)), err
}

// imageReadBytes is how much of a file is read at once.
const imageReadBytes = 128 << 10

// told is a reader of which somebody is told how much was read.
type told struct {
	io.Reader
	read func(bytes int) error
}

func (t told) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if n > 0 && t.read != nil {
		if told := t.read(n); told != nil {
			return n, told
		}
	}
	return n, err
}
