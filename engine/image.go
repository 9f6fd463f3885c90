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
//	         file's bytes · 32 bytes: SHA-256 of them; names grow
//	trailer  0x02 · count of files, uvarint · size of all of them, uvarint ·
//	         32 bytes: SHA-256 of everything before but the files' bytes
//
// Nothing follows the trailer. A name is that of a file right in the store's
// directory: 1 to 255 bytes, letters, digits and "._-", not beginning with
// a dot.
const (
	imageFile    = 0x01
	imageTrailer = 0x02

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
		size += int64(len(f.head(nil))) + f.size + sha256.Size
		total += f.size
	}
	return size + int64(len(trailer(nil, len(files), total))) + sha256.Size, nil
}

func (f *imageFileInfo) head(dst []byte) []byte {
	return binary.AppendUvarint(appendBytes(append(dst, imageFile), f.name), uint64(f.size))
}

func trailer(dst []byte, files int, total int64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(append(dst, imageTrailer), uint64(files)), uint64(total))
}

// WriteImage writes the checkpoint in a directory as an image. The files must
// stay as they are meanwhile.
func WriteImage(fs vfs.FS, dir string, info ImageInfo, w io.Writer) error {
	if len(info.Extra) > imageExtraMax {
		return firn.Errorf(firn.ErrTooLarge, "%d bytes of extra information in an image; at most %d are allowed", len(info.Extra), imageExtraMax)
	}
	files, err := imageFiles(fs, dir)
	if err != nil {
		return err
	}
	out := imageWriter{w: w, all: sha256.New()}
	if err := out.frame(info.append(nil)); err != nil {
		return err
	}
	total := int64(0)
	for _, f := range files {
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
	w   io.Writer
	all hash.Hash // of all but the files' bytes
}

func (out *imageWriter) frame(b []byte) error {
	out.all.Write(b)
	_, err := out.w.Write(b)
	return err
}

func (out *imageWriter) file(fs vfs.FS, dir string, f *imageFileInfo) error {
	if err := out.frame(f.head(nil)); err != nil {
		return err
	}
	from, err := fs.Open(fs.PathJoin(dir, f.name), vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	defer from.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out.w, sum), io.LimitReader(from, f.size))
	if err == nil && n != f.size {
		err = firn.Errorf(firn.ErrInternal, "the file %s of a checkpoint had %d bytes and now has %d; it must not change while it is sent", f.name, f.size, n)
	}
	if err != nil {
		return err
	}
	return out.frame(sum.Sum(nil))
}
