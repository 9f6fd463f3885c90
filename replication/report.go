package replication

import (
	"encoding/json"
	"fmt"

	"github.com/firndb/firn"
)

// The calls between the peer ports. The numbers only grow.
const (
	callStatus    = 1 // a question; answered by an answer
	callReadIndex = 2 // no body; answered by the index, 8 bytes, big-endian
)

// report is what a node says about itself, in each question and each answer.
// It travels as JSON: once a second, and nodes of different releases must
// understand each other, so fields are added and never change their meaning.
type report struct {
	ID      string `json:"id"`
	Client  string `json:"client,omitempty"`
	HTTP    string `json:"http,omitempty"`
	Version string `json:"version,omitempty"`
	Knows   uint64 `json:"knows"`             // highest cluster version that it knows
	Cluster uint64 `json:"cluster,omitempty"` // the cluster version that it is at
	Replica bool   `json:"replica,omitempty"`

	Term    uint64 `json:"term"`
	Applied uint64 `json:"applied"`
	Commit  uint64 `json:"commit"`
	Chain   uint64 `json:"chain"` // newest index at which its hash is kept

	Clock    int64  `json:"clock"` // µs since 1970
	DiskFree uint64 `json:"disk_free"`
	Full     bool   `json:"full,omitempty"` // it has too little space to take part

	Disk     firn.ID `json:"disk"` // made when the directory was first used
	Admitted bool    `json:"admitted,omitempty"`
}

// question asks a node for its report. The members help a node that has just
// been added and has heard of nobody yet.
type question struct {
	Report  report   `json:"report"`
	Members []member `json:"members"`
	At      uint64   `json:"at"` // the index at which hashes are compared; 0: none
}

type member struct {
	ID    string `json:"id"`
	Peer  string `json:"peer"`
	Voter bool   `json:"voter,omitempty"`
}

type answerReport struct {
	Report  report  `json:"report"`
	Hash    *uint64 `json:"hash,omitempty"`    // at the index asked about, where it is known
	Refused string  `json:"refused,omitempty"` // why the asker's disk is not the one known here
	Knows   bool    `json:"recorded"`          // the asker's disk is recorded here, for good
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("replication: encode %T: %v", v, err)) // the types above always encode
	}
	return b
}

func decode(b []byte, into any) error {
	if err := json.Unmarshal(b, into); err != nil {
		return firn.Errorf(firn.ErrInvalid, "a status message of %d bytes cannot be read: %v", len(b), err)
	}
	return nil
}
