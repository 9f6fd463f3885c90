//go:build !linux

package servertest

import "errors"

// SmallDisk is a file system of its own that can be filled, on Linux.
type SmallDisk struct{}

// MountSmallDisk says that there is none.
func (p *Processes) MountSmallDisk(int, int64) (*SmallDisk, error) {
	return nil, errors.New("this needs Linux")
}

// Fill is for Linux.
func (d *SmallDisk) Fill(int64) {}

// Free is for Linux.
func (d *SmallDisk) Free() {}
