package engine

import "github.com/firndb/firn"

// view is a layer, or the part of one that a category takes, in memory: its
// records in order of position. A view that a reader holds never changes. The
// open layer's view grows, but only behind the end of the slices that were
// handed out.
type view struct {
	layer   uint32
	first   firn.Position // of the layer
	recs    []rec         // by place; with gaps where the view holds only a part
	streams []string      // what rec.stream points at
	sorted  bool          // streams is sorted by name
	blocks  [][]byte      // what rec.block and rec.offset point at
	used    int           // bytes of the last block that hold records; for the writer
	bytes   int           // of the records
	ids     []idEntry     // of the open layer; nil for others, whose table is in c
}

// rec is where one record lies. It has no pointers, so that the garbage
// collector passes over a layer's table.
type rec struct {
	revision uint64
	time     int64
	place    uint32 // position less the layer's first
	stream   uint32
	block    uint32
	offset   uint32
	size     uint32
	before   uint32 // 1 + index of the stream's record before this one in the open layer, 0: none
}

func (v *view) bytesOf(r *rec) []byte {
	end := r.offset + r.size
	return v.blocks[r.block][r.offset:end:end]
}

func (v *view) position(r *rec) firn.Position { return v.first + firn.Position(r.place) }

// Blocks begin small, so that a store with little in it takes little memory.
const (
	blockBytesMin = 4 << 10
	blockBytesMax = 1 << 20
)

// store copies a record into the view's blocks. The record never straddles
// two, and a block's slice is never changed once it is there, for readers may
// hold it.
func (v *view) store(record []byte) (block, offset uint32) {
	last := len(v.blocks) - 1
	if last < 0 || v.used+len(record) > len(v.blocks[last]) {
		size := blockBytesMin
		if last >= 0 {
			size = min(2*len(v.blocks[last]), blockBytesMax)
		}
		v.blocks = append(v.blocks, make([]byte, max(size, len(record))))
		v.used = 0
		last++
	}
	offset = uint32(v.used)
	v.used += copy(v.blocks[last][v.used:], record)
	v.bytes += len(record)
	return uint32(last), offset
}
