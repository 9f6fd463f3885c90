package wire

import (
	"fmt"

	"github.com/firndb/firn"
)

// Kind is the number of a message. A written number is spoken for: the list
// only grows, and a number that goes out of use keeps its line.
type Kind uint8

// The messages. C is sent by the client, N by the node. Every call that a
// client begins is ended by exactly one frame with the same call id: the answer
// named here, or an Error. Zero is no kind.
const (
	KindHello   Kind = 1 // C  first frame; ended by Welcome
	KindWelcome Kind = 2 // N
	KindError   Kind = 3 // N  ends a call; on call 0 it ends the connection
	KindPing    Kind = 4 // CN on call 0; answered by Pong
	KindPong    Kind = 5 // CN
	KindGoodbye Kind = 6 // N  on call 0: begin no further calls here
	KindCancel  Kind = 7 // C  the client no longer wants the call's answer
	KindCredit  Kind = 8 // C  bytes that the call may go on to send
	KindEnd     Kind = 9 // N  ends a call that answers with several frames

	KindAppend     Kind = 16 // C  ended by Appended
	KindAppended   Kind = 17 // N
	KindRead       Kind = 18 // C  Events, any number of them, then End
	KindEvents     Kind = 19 // N
	KindStream     Kind = 20 // C  ended by StreamInfo
	KindStreamInfo Kind = 21 // N
	KindStreams    Kind = 22 // C  StreamList, any number of them, then End
	KindStreamList Kind = 23 // N
	KindChange     Kind = 24 // C  ended by Changed
	KindChanged    Kind = 25 // N
	KindHead       Kind = 26 // C  ended by HeadAt
	KindHeadAt     Kind = 27 // N
	KindResolve    Kind = 28 // C  ended by Resolved
	KindResolved   Kind = 29 // N
	KindStats      Kind = 30 // C  ended by StatsAre
	KindStatsAre   Kind = 31 // N
	KindAppendAt   Kind = 32 // C  ended by Appended

	KindStatus      Kind = 48 // C  ended by StatusIs
	KindStatusIs    Kind = 49 // N
	KindAddNode     Kind = 50 // C  ended by Done
	KindRemoveNode  Kind = 51 // C  ended by Done
	KindPromoteNode Kind = 52 // C  ended by Done
	KindTransfer    Kind = 53 // C  ended by Done
	KindDone        Kind = 54 // N
	KindVerify      Kind = 55 // C  Progress, any number of them, then Verified
	KindProgress    Kind = 56 // N
	KindVerified    Kind = 57 // N
	KindCounted     Kind = 58 // N
	KindScavenge    Kind = 60 // C  Progress, any number of them, then Scavenged
	KindScavenged   Kind = 61 // N

	KindSubscribe Kind = 64 // C  Events and Marks, any number of them; ended by Error
	KindMarks     Kind = 65 // N

	KindCreateGroup Kind = 80 // C  ended by Changed
	KindUpdateGroup Kind = 81 // C  ended by Changed
	KindDeleteGroup Kind = 82 // C  ended by Changed
	KindGroups      Kind = 83 // C  GroupList, any number of them, then End
	KindGroupList   Kind = 84 // N
	KindGroup       Kind = 85 // C  ended by GroupInfo
	KindGroupInfo   Kind = 86 // N
	KindConsume     Kind = 87 // C  Deliveries, any number of them, then End
	KindDeliveries  Kind = 88 // N
	KindSettle      Kind = 89 // C  ended by Counted
	KindParked      Kind = 90 // C  ParkedList, any number of them, then End
	KindParkedList  Kind = 91 // N
	KindUnpark      Kind = 92 // C  ended by Counted
	KindRewind      Kind = 93 // C  ended by Rewound
	KindRewound     Kind = 94 // N
	KindWaitGroup   Kind = 95 // C  ended by Counted

	KindLoad           Kind = 96  // C  Loaded, then Events, any number of them, then End
	KindLoaded         Kind = 97  // N
	KindSaveSnapshot   Kind = 98  // C  ended by Done
	KindDefine         Kind = 99  // C  ended by Defined
	KindDefined        Kind = 100 // N
	KindDefinitions    Kind = 101 // C  DefinitionList, any number of them, then End
	KindDefinitionList Kind = 102 // N
	KindFaults         Kind = 103 // N  before the Events that it speaks of
	KindState          Kind = 104 // C  ended by StateIs
	KindStateIs        Kind = 105 // N
	KindDiff           Kind = 106 // C  ended by DiffIs
	KindDiffIs         Kind = 107 // N
	KindBlame          Kind = 108 // C  ended by BlameIs
	KindBlameIs        Kind = 109 // N
	KindBisect         Kind = 110 // C  ended by Bisected
	KindBisected       Kind = 111 // N

	KindBackup       Kind = 112 // C  BackupBegins, then BackupPart, any number of them, then End
	KindBackupBegins Kind = 113 // N
	KindBackupPart   Kind = 114 // N

	// Set aside: 66–79 subscriptions, 115–127 images and backups.
)

var kindNames = [...]string{
	KindHello: "Hello", KindWelcome: "Welcome", KindError: "Error", KindPing: "Ping", KindPong: "Pong",
	KindGoodbye: "Goodbye", KindCancel: "Cancel", KindCredit: "Credit", KindEnd: "End",
	KindAppend: "Append", KindAppended: "Appended", KindRead: "Read", KindEvents: "Events",
	KindStream: "Stream", KindStreamInfo: "StreamInfo", KindStreams: "Streams", KindStreamList: "StreamList",
	KindChange: "Change", KindChanged: "Changed", KindHead: "Head", KindHeadAt: "HeadAt",
	KindResolve: "Resolve", KindResolved: "Resolved", KindStats: "Stats", KindStatsAre: "StatsAre",
	KindAppendAt: "AppendAt",
	KindStatus:   "Status", KindStatusIs: "StatusIs", KindAddNode: "AddNode", KindRemoveNode: "RemoveNode",
	KindPromoteNode: "PromoteNode", KindTransfer: "Transfer", KindDone: "Done",
	KindVerify: "Verify", KindProgress: "Progress", KindVerified: "Verified", KindCounted: "Counted",
	KindScavenge: "Scavenge", KindScavenged: "Scavenged",
	KindSubscribe: "Subscribe", KindMarks: "Marks",
	KindCreateGroup: "CreateGroup", KindUpdateGroup: "UpdateGroup", KindDeleteGroup: "DeleteGroup",
	KindGroups: "Groups", KindGroupList: "GroupList", KindGroup: "Group", KindGroupInfo: "GroupInfo",
	KindConsume: "Consume", KindDeliveries: "Deliveries", KindSettle: "Settle",
	KindParked: "Parked", KindParkedList: "ParkedList", KindUnpark: "Unpark",
	KindRewind: "Rewind", KindRewound: "Rewound", KindWaitGroup: "WaitGroup",
	KindLoad: "Load", KindLoaded: "Loaded", KindSaveSnapshot: "SaveSnapshot",
	KindDefine: "Define", KindDefined: "Defined", KindDefinitions: "Definitions", KindDefinitionList: "DefinitionList",
	KindFaults: "Faults",
	KindState:  "State", KindStateIs: "StateIs", KindDiff: "Diff", KindDiffIs: "DiffIs",
	KindBlame: "Blame", KindBlameIs: "BlameIs", KindBisect: "Bisect", KindBisected: "Bisected",
	KindBackup: "Backup", KindBackupBegins: "BackupBegins", KindBackupPart: "BackupPart",
}

// Kinds returns every kind, in order of number.
func Kinds() []Kind {
	var all []Kind
	for k, name := range kindNames {
		if name != "" {
			all = append(all, Kind(k))
		}
	}
	return all
}

func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Message is one of the messages of this package.
type Message interface {
	Kind() Kind
	AppendBody(dst []byte) []byte // the body, as MessagePack
	parse(r *reader)
}

// New returns an empty message of the kind, or nil where the number is not in
// the list.
func New(k Kind) Message {
	switch k {
	case KindHello:
		return new(Hello)
	case KindWelcome:
		return new(Welcome)
	case KindError:
		return new(Error)
	case KindPing, KindPong, KindGoodbye, KindCancel, KindEnd, KindDone:
		return &Plain{Is: k}
	case KindCredit:
		return new(Credit)
	case KindAppend:
		return new(Append)
	case KindAppendAt:
		return new(AppendAt)
	case KindAppended:
		return new(Appended)
	case KindRead:
		return new(Read)
	case KindEvents:
		return new(Events)
	case KindStream:
		return new(Stream)
	case KindStreamInfo:
		return new(StreamInfo)
	case KindStreams:
		return new(Streams)
	case KindStreamList:
		return new(StreamList)
	case KindChange:
		return new(Change)
	case KindChanged:
		return new(Changed)
	case KindHead:
		return new(Head)
	case KindHeadAt:
		return new(HeadAt)
	case KindResolve:
		return new(Resolve)
	case KindResolved:
		return new(Resolved)
	case KindStats, KindStatus, KindVerify:
		return &Plain{Is: k}
	case KindStatsAre:
		return new(Stats)
	case KindStatusIs:
		return new(ClusterStatus)
	case KindAddNode:
		return new(AddNode)
	case KindRemoveNode, KindPromoteNode, KindTransfer:
		return &Named{Is: k}
	case KindProgress:
		return new(Progress)
	case KindVerified:
		return new(Report)
	case KindScavenge:
		return new(Scavenge)
	case KindScavenged:
		return new(Scavenged)
	case KindSubscribe:
		return new(Subscribe)
	case KindMarks:
		return new(Marks)
	case KindLoad:
		return new(Load)
	case KindLoaded:
		return new(Loaded)
	case KindSaveSnapshot:
		return new(SaveSnapshot)
	case KindDefine:
		return new(Define)
	case KindDefined:
		return new(Defined)
	case KindDefinitions:
		return new(Definitions)
	case KindDefinitionList:
		return new(DefinitionList)
	case KindFaults:
		return new(Faults)
	case KindCounted:
		return new(Counted)
	case KindCreateGroup, KindUpdateGroup:
		return &DefineGroup{Is: k}
	case KindDeleteGroup:
		return new(DeleteGroup)
	case KindGroups:
		return new(Groups)
	case KindGroupList:
		return new(GroupList)
	case KindGroup:
		return new(Group)
	case KindGroupInfo:
		return new(GroupInfo)
	case KindConsume:
		return new(Consume)
	case KindDeliveries:
		return new(Deliveries)
	case KindSettle:
		return new(Settle)
	case KindParked:
		return new(Parked)
	case KindParkedList:
		return new(ParkedList)
	case KindUnpark:
		return new(Unpark)
	case KindRewind:
		return new(Rewind)
	case KindRewound:
		return new(Rewound)
	case KindWaitGroup:
		return new(WaitGroup)
	case KindState:
		return new(State)
	case KindStateIs:
		return new(StateIs)
	case KindDiff:
		return new(Diff)
	case KindDiffIs:
		return new(DiffIs)
	case KindBlame:
		return new(Blame)
	case KindBlameIs:
		return new(BlameIs)
	case KindBisect:
		return new(Bisect)
	case KindBisected:
		return new(Bisected)
	case KindBackup:
		return new(Backup)
	case KindBackupBegins:
		return new(BackupBegins)
	case KindBackupPart:
		return new(BackupPart)
	}
	return nil
}

// Parse parses a frame's body. The message's byte slices point into it. The
// error is an *firn.Error: ErrUnsupported for a kind that is not in the list,
// ErrInvalid for a body that is not what the kind's file draws.
func Parse(k Kind, body []byte) (Message, error) {
	m := New(k)
	if m == nil {
		return nil, firn.Errorf(firn.ErrUnsupported, "message kind %d is not known here; this side speaks protocol version %d", uint8(k), ProtocolVersion)
	}
	if err := ParseInto(m, body); err != nil {
		return nil, err
	}
	return m, nil
}

// ParseInto is Parse into a message of the frame's kind, which must be empty.
func ParseInto(m Message, body []byte) error {
	r := readers.Get().(*reader)
	r.reset(body)
	m.parse(r)
	failed := r.finish()
	r.reset(nil)
	readers.Put(r)
	if failed != "" {
		return firn.Errorf(firn.ErrInvalid, "the body of a %v frame (%d bytes) is malformed at its %s", m.Kind(), len(body), failed)
	}
	return nil
}
