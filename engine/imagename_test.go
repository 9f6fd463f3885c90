package engine

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
)

// An image cannot write outside its directory, nor over one of its own files.
func TestImageRefusesNames(t *testing.T) {
	info := ImageInfo{Index: 1}
	for _, names := range [][]string{
		{"../evil"}, {"a/b"}, {`a\b`}, {""}, {"."}, {".."}, {".hidden"}, {"a\x00b"}, {"ä"}, {"b", "a"}, {"a", "a"},
	} {
		image := info.append(nil)
		for _, name := range names {
			file := imageFileInfo{name: name}
			image = file.head(image, imageFile)
			empty := "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55"
			image = append(image, empty...)
		}
		fs := vfs.NewMem()
		_, err := ReceiveImage(fs, "e", bytes.NewReader(image))
		if !errors.Is(err, firn.ErrDamaged) {
			t.Errorf("names %q: %v", names, err)
		}
		if left, _ := fs.List("e"); len(left) != 0 {
			t.Errorf("names %q: %q is left behind", names, left)
		}
	}
}
