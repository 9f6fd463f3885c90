package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/firndb/firn"
)

// Manifest says what a backup holds. As a file it is JSON, a line each:
//
//	{"format":1,"name":…,"taken":…,"node":…,"release":…,"cluster":…,"history":…,
//	 "index":…,"term":…,"position":…,"time":…,"chain":…,"files":…,"bytes":…}
//	{"file":…,"bytes":…,"sha256":…}      each file, by name
//	{"sha256":…}                         of all the bytes before this line
//
// docs/formats/backup.md says what each field is.
type Manifest struct {
	Name             string    // of the backup, unique in its place; names sort as they were taken
	Taken            time.Time // when the node had been asked, by the clock of whoever asked
	Node, Release    string    // which node it came from, and its software
	Cluster, History firn.ID
	Index, Term      uint64        // of the last entry of the Raft log that is in it
	Position         firn.Position // of the last event; 0: none
	Time             time.Time     // of the last event; zero: none
	Chain            uint64        // the hash chain after that entry
	Files            []File        // by name
}

// File is one file of a backup.
type File struct {
	Name  string // in the store's directory
	Bytes int64
	Sum   Sum
}

// Bytes returns the size of all files, those shared with other backups too.
func (m *Manifest) Bytes() (total int64) {
	for i := range m.Files {
		total += m.Files[i].Bytes
	}
	return total
}

// Sum is a SHA-256.
type Sum [sha256.Size]byte

func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// MarshalText returns it in hexadecimal.
func (s Sum) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads what MarshalText has written, and nothing else.
func (s *Sum) UnmarshalText(text []byte) (err error) {
	sum, ok := parseSum(string(text))
	if !ok {
		return fmt.Errorf("%.80q is no SHA-256 in lower-case hexadecimal", text)
	}
	*s = sum
	return nil
}

func parseSum(text string) (sum Sum, ok bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(sum) || hex.EncodeToString(b) != text {
		return sum, false
	}
	return Sum(b), true
}

const (
	manifestFormat   = 1
	manifestBytesMax = 256 << 20
)

type manifestHead struct {
	Format   int        `json:"format"`
	Name     string     `json:"name"`
	Taken    time.Time  `json:"taken"`
	Node     string     `json:"node"`
	Release  string     `json:"release"`
	Cluster  firn.ID    `json:"cluster"`
	History  firn.ID    `json:"history"`
	Index    uint64     `json:"index"`
	Term     uint64     `json:"term"`
	Position uint64     `json:"position"`
	Time     *time.Time `json:"time"`
	Chain    string     `json:"chain"`
	Files    int        `json:"files"`
	Bytes    int64      `json:"bytes"`
}

type manifestFile struct {
	Name  string `json:"file"`
	Bytes int64  `json:"bytes"`
	Sum   Sum    `json:"sha256"`
}

type manifestEnd struct {
	Sum Sum `json:"sha256"`
}

// append appends the manifest's file.
func (m *Manifest) append(dst []byte) []byte {
	start := len(dst)
	head := manifestHead{
		manifestFormat, m.Name, m.Taken.UTC(), m.Node, m.Release, m.Cluster, m.History,
		m.Index, m.Term, uint64(m.Position), nil, fmt.Sprintf("%016x", m.Chain), len(m.Files), m.Bytes(),
	}
	if !m.Time.IsZero() {
		at := m.Time.UTC()
		head.Time = &at
	}
	dst = appendLine(dst, &head)
	for i := range m.Files {
		f := &m.Files[i]
		dst = appendLine(dst, &manifestFile{f.Name, f.Bytes, f.Sum})
	}
	return appendLine(dst, &manifestEnd{sha256.Sum256(dst[start:])})
}

func appendLine(dst []byte, v any) []byte {
	line, err := json.Marshal(v)
	if err != nil {
		panic("backup: " + err.Error()) // texts, numbers and times can always be marshalled
	}
	return append(append(dst, line...), '\n')
}

// parseManifest reads a manifest's file. Errors: ErrDamaged, ErrUnsupported.
func parseManifest(b []byte) (*Manifest, error) {
	bad := func(format string, args ...any) (*Manifest, error) {
		return nil, firn.Errorf(firn.ErrDamaged, "the manifest is damaged: "+format, args...)
	}
	if len(b) == 0 || b[len(b)-1] != '\n' {
		return bad("it is cut short")
	}
	lines := bytes.Split(b[:len(b)-1], []byte("\n"))
	var head manifestHead
	if err := json.Unmarshal(lines[0], &head); err != nil {
		return bad("its first line: %v", err)
	}
	if head.Format != manifestFormat {
		return nil, firn.Errorf(firn.ErrUnsupported, "the manifest has format %d; this release knows format %d: use a later release", head.Format, manifestFormat)
	}
	last := lines[len(lines)-1]
	var end manifestEnd
	if err := json.Unmarshal(last, &end); err != nil || len(lines) < 2 {
		return bad("it is cut short")
	}
	if sum := Sum(sha256.Sum256(b[:len(b)-1-len(last)])); sum != end.Sum {
		return bad("its SHA-256 is %v, and it says %v", sum, end.Sum)
	}
	chain, err := strconv.ParseUint(head.Chain, 16, 64)
	if err != nil || !validName.MatchString(head.Name) || head.Files != len(lines)-2 {
		return bad("it lists %d files of %d, chain %q, name %.80q", len(lines)-2, head.Files, head.Chain, head.Name)
	}
	m := &Manifest{
		Name: head.Name, Taken: head.Taken, Node: head.Node, Release: head.Release, Cluster: head.Cluster, History: head.History,
		Index: head.Index, Term: head.Term, Position: firn.Position(head.Position), Chain: chain,
	}
	if head.Time != nil {
		m.Time = *head.Time
	}
	for i, line := range lines[1 : len(lines)-1] {
		var f manifestFile
		if err := json.Unmarshal(line, &f); err != nil {
			return bad("its line %d: %v", i+2, err)
		}
		if !validFile.MatchString(f.Name) || f.Bytes < 0 || i > 0 && f.Name <= m.Files[i-1].Name {
			return bad("its line %d names a file %.80q of %d bytes", i+2, f.Name, f.Bytes)
		}
		m.Files = append(m.Files, File(f))
	}
	if m.Bytes() != head.Bytes {
		return bad("its files have %d bytes, and it says %d", m.Bytes(), head.Bytes)
	}
	return m, nil
}

// validName is what a backup may be called: nothing that leaves its directory.
var validName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$`)

// validFile is what a file of a store may be called.
var validFile = regexp.MustCompile(`^[0-9A-Za-z_-][0-9A-Za-z._-]{0,254}$`)

// nameLayout makes names of moments.
const nameLayout = "20060102T150405Z"
