package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
)

// identity is the content of firn.json, and of its copy.
type identity struct {
	Format  int    `json:"format"`
	ID      string `json:"id"`
	Replica bool   `json:"replica,omitempty"` // the node serves reads only
	CRC     string `json:"crc"`               // CRC-32C of the file without it, as 8 hexadecimal digits
}

func (who identity) sum() string {
	who.CRC = ""
	b, err := json.Marshal(who)
	if err != nil {
		panic(err) // a number, a boolean and two texts
	}
	return fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// checkIdentity refuses a directory that this release or this node must not
// touch. fresh says that no node was ever set up here. A file that is missing or
// damaged is written anew from its copy, and the copy from it.
func (d *dataDir) checkIdentity(id string) (fresh bool, err error) {
	who, err := d.identity(identityFile)
	copied, copyErr := d.identity(identityCopy)
	switch {
	case errors.Is(err, os.ErrNotExist) && errors.Is(copyErr, os.ErrNotExist):
		return true, d.refuseForeign()
	case err != nil && copyErr == nil && (errors.Is(err, firn.ErrDamaged) || errors.Is(err, os.ErrNotExist)):
		d.rewritten = identityFile
		who, err = copied, d.put(identityFile, copied)
	case err == nil && copyErr != nil && who.Format == dirFormat:
		d.rewritten = identityCopy
		err = d.put(identityCopy, who)
	}
	if err != nil {
		return false, err
	}
	d.replica = who.Replica
	return false, d.fits(who, id)
}

// fits says why this release or this node must not touch the directory.
func (d *dataDir) fits(who identity, id string) error {
	if who.Format != dirFormat {
		return firn.Errorf(firn.ErrUnsupported, "the data directory %s has format %d; this release knows format %d: use the release that wrote it, or a later one", d.path, who.Format, dirFormat)
	}
	if who.ID != id && id != "" {
		return firn.Errorf(firn.ErrInvalid, "the data directory %s belongs to node %q, not %q; give the node its own directory, or its own id", d.path, who.ID, id)
	}
	return nil
}

// identity reads one of the two files.
func (d *dataDir) identity(name string) (who identity, err error) {
	f, err := d.fs.Open(d.sub(name))
	if err != nil {
		return who, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return who, err
	}
	if err := json.Unmarshal(b, &who); err != nil {
		return who, firn.Errorf(firn.ErrDamaged, "%s is not readable as the identity of a data directory: %v", d.sub(name), err)
	}
	if who.CRC == "" && who.Format != dirFormat {
		return who, nil // another release's
	}
	if who.CRC != who.sum() {
		return who, firn.Errorf(firn.ErrDamaged, "%s is damaged: its checksum is %.20q and should be %q", d.sub(name), who.CRC, who.sum())
	}
	return who, nil
}

// put writes one of the two files. It is durable on return.
func (d *dataDir) put(name string, who identity) error {
	b, err := json.Marshal(who)
	if err != nil {
		return err
	}
	return d.replace(name, append(b, '\n'))
}

// claim marks a fresh directory as the node's own. It is durable on return.
func (d *dataDir) claim(id string, replica bool) error {
	who := identity{Format: dirFormat, ID: id, Replica: replica}
	who.CRC = who.sum()
	d.replica = replica
	if err := d.put(identityCopy, who); err != nil {
		return err
	}
	if err := d.put(identityFile, who); err != nil {
		return err
	}
	// An earlier start may have made the directory and ended before its name was
	// synced. Where that cannot be, since only others may look into the one above,
	// it was made by them.
	if err := diskfs.SyncDir(d.fs, d.fs.PathDir(d.path)); err != nil && !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}
