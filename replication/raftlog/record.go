package raftlog

import (
	"encoding/binary"
	"fmt"

	"github.com/hashicorp/raft"
)

// The record of a snapshot: sealed (seal.go), around
//
//	index u64 | term u64 | configuration index u64 | servers u16 |
//	for each server: suffrage u8 | id u16, id | address u16, address
//
// Suffrage is Raft's number: 0 voter, 1 non-voter, 2 staging. The record
// stands under "snapshot" (the newest snapshot) or "received" (an image that
// has come in completely and waits to be put to use).

// snapshotID names the snapshot at an index and term. It is made of letters,
// digits and '-', so that it can name a directory.
func snapshotID(index, term uint64) string { return fmt.Sprintf("image-%d-%d", term, index) }

func appendRecord(b []byte, m *raft.SnapshotMeta) ([]byte, error) {
	b = binary.BigEndian.AppendUint64(b, m.Index)
	b = binary.BigEndian.AppendUint64(b, m.Term)
	b = binary.BigEndian.AppendUint64(b, m.ConfigurationIndex)
	servers := m.Configuration.Servers
	if len(servers) > 1<<16-1 {
		return nil, fmt.Errorf("%d servers do not fit a snapshot's record", len(servers))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(servers)))
	for _, s := range servers {
		b = append(b, byte(s.Suffrage))
		for _, text := range [2]string{string(s.ID), string(s.Address)} {
			if len(text) > 1<<16-1 {
				return nil, fmt.Errorf("the id or address %.40q… of a server is too long", text)
			}
			b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
			b = append(b, text...)
		}
	}
	return b, nil
}

func parseRecord(b []byte) (raft.SnapshotMeta, error) {
	const fixed = 8 + 8 + 8 + 2
	if len(b) < fixed {
		return raft.SnapshotMeta{}, errShort
	}
	m := raft.SnapshotMeta{
		Version:            raft.SnapshotVersionMax,
		Index:              binary.BigEndian.Uint64(b),
		Term:               binary.BigEndian.Uint64(b[8:]),
		ConfigurationIndex: binary.BigEndian.Uint64(b[16:]),
	}
	m.ID = snapshotID(m.Index, m.Term)
	count := int(binary.BigEndian.Uint16(b[24:]))
	b = b[fixed:]
	text := func() (string, bool) {
		if len(b) < 2 {
			return "", false
		}
		n := int(binary.BigEndian.Uint16(b))
		if len(b) < 2+n {
			return "", false
		}
		s := string(b[2 : 2+n])
		b = b[2+n:]
		return s, true
	}
	for range count {
		if len(b) == 0 {
			return raft.SnapshotMeta{}, errShort
		}
		suffrage := raft.ServerSuffrage(b[0])
		b = b[1:]
		id, ok1 := text()
		address, ok2 := text()
		if !ok1 || !ok2 {
			return raft.SnapshotMeta{}, errShort
		}
		m.Configuration.Servers = append(m.Configuration.Servers,
			raft.Server{Suffrage: suffrage, ID: raft.ServerID(id), Address: raft.ServerAddress(address)})
	}
	if len(b) != 0 {
		return raft.SnapshotMeta{}, errLengths
	}
	return m, nil
}
