package wire_test

import (
	"bytes"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

// sample is a message as it might go over a connection. Together they use every
// kind and every field, and are the vectors in testdata.
type sample struct {
	name    string // of the vector's file
	call    uint64
	message wire.Message
}

var (
	someID    = firn.ID{0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96, 0x77, 0x4b, 0xbc, 0xce, 0xb3, 0x02, 0x09, 0x9a, 0x80, 0x57}
	otherID   = firn.ID{15: 1}
	someTime  = time.Date(2026, 3, 1, 14, 32, 7, 123456000, time.UTC)
	earlyTime = time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC)
)

var someFold = firn.FoldVersion{0xab, 15: 0xcd}

var (
	someAsked = firn.StateQuery{Stream: "cart-7", Fold: "cart", At: firn.MomentPoint(someTime), Consistency: firn.Consistency{Local: true}}
	someState = firn.StreamState{
		Stream: "cart-7", Fold: "cart", State: []byte{}, Revision: 120, Position: 69990, Time: someTime, Begun: 3, Past: 70003, Open: true, Partial: true,
	}
	someEvent = &firn.EventInfo{Revision: 120, Position: 69990, Time: someTime, ID: someID, Type: "ItemAdded", Actor: "ann"}
)

func withState(s firn.StreamState, state string) firn.StreamState {
	s.State = []byte(state)
	return s
}

var someDefinition = firn.Definition{
	Class: firn.FoldDefinition, Name: "cart", Version: 3, Position: 70004, Time: someTime, Actor: "ann", Source: []byte("fold: cart\n"),
}

func someDraft() []byte {
	return record.AppendDraft(nil, &firn.Draft{
		ID: someID, Type: "OrderPlaced", Schema: 2, Data: []byte(`{"total": 100.10}`), Metadata: []byte(`{"by":"ann"}`), Occurred: earlyTime,
	})
}

func someRecord(stream string, p firn.Position, r firn.Revision) []byte {
	return record.Encode(&firn.Event{
		Stream: stream, Position: p, Revision: r, Time: someTime, Count: 1,
		ID: someID, Type: "OrderPlaced", ContentType: firn.JSON, Data: []byte(`{"total": 100.10}`), Actor: "ann",
	})
}

func samples() []sample {
	limits := wire.DefaultLimits()
	info := firn.StreamInfo{
		Name: "order-42", State: firn.Live, Position: 1200, Revision: 9, FirstRevision: 2, Events: 8, Bytes: 2048,
		FirstTime: someTime, LastTime: someTime.Add(time.Hour), MaxAge: 36 * time.Hour, MaxCount: 1000, Metadata: []byte(`{"owner":"shop"}`), Open: true,
	}
	group := firn.Group{
		Name: "billing", Category: "order", Types: []string{"OrderPlaced"}, TypePrefixes: []string{"Order"}, StreamPrefixes: []string{"order-4"},
		From: firn.PositionPoint(17), OnPark: firn.ParkContinues, MaxAttempts: 10, Lease: 30 * time.Second, InFlight: 256,
		RetryMin: time.Second, RetryMax: 5 * time.Minute,
	}
	return []sample{
		{"hello", 0, &wire.Hello{VersionMin: 1, VersionMax: 3, Token: "secret", Limits: wire.Limits{FrameBytes: 1 << 20}, Client: "shop/1.4"}},
		{"hello-bare", 0, &wire.Hello{VersionMin: 1, VersionMax: 1}},
		{"welcome", 0, &wire.Welcome{
			Version: 1, Limits: limits, Node: "n1", Cluster: someID, History: otherID, Leader: "10.0.0.2:7400",
			Features: []string{"verify"}, Release: "1.0.0", KeepAlive: 30 * time.Second,
		}},
		{"welcome-bare", 0, &wire.Welcome{Version: 1, Limits: limits, Node: "n1"}},
		{"error-conflict", 7, &wire.Error{Err: (&firn.ConflictError{Stream: "account-1", Expected: firn.At(7), Actual: firn.At(9), Deleted: true}).Err()}},
		{"error-conflict-none", 7, &wire.Error{Err: (&firn.ConflictError{Stream: "account-1", Expected: firn.Exists, Actual: firn.None}).Err()}},
		{"error-not-leader", 7, &wire.Error{Err: &firn.Error{Kind: firn.ErrNotLeader, Message: "n1 is not the leader; ask 10.0.0.2:7400", Leader: "10.0.0.2:7400"}}},
		{"error-id-reused", 7, &wire.Error{Err: &firn.Error{Kind: firn.ErrIDReused, Message: "the id is in use", Stream: "order-42", Positions: []firn.Position{17, 70000}, IDs: []firn.ID{someID, otherID}}}},
		{"ping", 0, &wire.Plain{Is: wire.KindPing}},
		{"pong", 0, &wire.Plain{Is: wire.KindPong}},
		{"goodbye", 0, &wire.Plain{Is: wire.KindGoodbye}},
		{"cancel", 7, &wire.Plain{Is: wire.KindCancel}},
		{"credit", 7, &wire.Credit{Bytes: 524288}},
		{"end", 7, &wire.Plain{Is: wire.KindEnd}},
		{"append", 1 << 40, &wire.Append{Writes: []wire.Write{{Stream: "order-42", Expect: firn.None, Records: [][]byte{someDraft()}}}}},
		{"append-transfer", 8, &wire.Append{Writes: []wire.Write{
			{Stream: "account-1", Expect: firn.At(7), Records: [][]byte{someDraft()}},
			{Stream: "account-2", Expect: firn.At(300), Records: [][]byte{someDraft(), bytes.Repeat([]byte{7}, 300)}},
			{Stream: "limit-1", Expect: firn.At(0)},
			{Stream: "gate", Expect: firn.Any},
		}}},
		{"append-nothing", 9, &wire.Append{}},
		{"append-at", 9, &wire.AppendAt{Time: earlyTime, Writes: []wire.Write{{Stream: "order-42", Expect: firn.None, Records: [][]byte{someDraft()}}, {Stream: "gate"}}}},
		{"appended", 8, &wire.Appended{
			Writes:   []wire.WrittenAt{{FirstRevision: 8, LastRevision: 8, FirstPosition: 70000, LastPosition: 70000}, {FirstRevision: 301, LastRevision: 302, FirstPosition: 70001, LastPosition: 70002}},
			Position: 70002, Time: someTime, Repeated: true,
		}},
		{"appended-condition", 8, &wire.Appended{Position: 5}},
		{"read-stream", 10, &wire.Read{Credit: 2 << 20, Query: firn.Query{
			Stream: "order-42", Types: []string{"OrderPlaced", "OrderPaid"}, From: firn.RevisionPoint(3), Bound: firn.MomentPoint(someTime),
			Backwards: true, Limit: 100, Raw: true,
		}}},
		{"read-all", 11, &wire.Read{Credit: 1, Query: firn.Query{All: true, System: true, From: firn.PositionPoint(1 << 33), Bound: firn.EndPoint(), Consistency: firn.Consistency{Local: true, AtLeast: 99}}}},
		{"read-category", 12, &wire.Read{Query: firn.Query{Category: "order", From: firn.StartPoint(), Bound: firn.MomentPoint(earlyTime)}}},
		{"read-prefixes", 12, &wire.Read{Query: firn.Query{All: true, TypePrefixes: []string{"Order"}, StreamPrefixes: []string{"order-4", "cart"}, History: otherID}}},
		{"read-correlation", 13, &wire.Read{Query: firn.Query{Correlation: "order 42"}}},
		{"read-causation", 13, &wire.Read{Query: firn.Query{Causation: "command 17"}}},
		{"read-id", 13, &wire.Read{Query: firn.Query{ID: someID}}},
		{"events", 10, &wire.Events{Records: []wire.Record{
			{Stream: "order-42", Bytes: someRecord("order-42", 17, 3)},
			{Stream: "order-42", Bytes: someRecord("order-42", 18, 4)},
			{Stream: "order-7", Bytes: someRecord("order-7", 19, 0)},
		}}},
		{"events-none", 10, &wire.Events{}},
		{"stream", 14, &wire.Stream{Name: "order-42", At: firn.PositionPoint(17)}},
		{"stream-info", 14, &wire.StreamInfo{Info: info}},
		{"stream-info-tombstoned", 14, &wire.StreamInfo{Info: firn.StreamInfo{Name: "order-42", State: firn.Tombstoned, Position: 3, Revision: 1}}},
		{"streams", 15, &wire.Streams{Credit: 4096, Query: firn.StreamQuery{Prefix: "order-", Category: "order", After: "order-41", Limit: 10, Bound: firn.PositionPoint(17), System: true, Consistency: firn.Consistency{Local: true}}}},
		{"stream-list", 15, &wire.StreamList{Infos: []firn.StreamInfo{info, {Name: "order-43", State: firn.Deleted, Position: 1200}}}},
		{"change-delete", 16, &wire.Change{Stream: "order-42", ID: someID, Expect: firn.Exists, Life: firn.Delete{}}},
		{"change-tombstone", 16, &wire.Change{Stream: "order-42", ID: someID, Life: firn.Tombstone{}}},
		{"change-truncate", 16, &wire.Change{Stream: "order-42", ID: someID, Expect: firn.At(9), Life: firn.Truncate{Before: 5}}},
		{"change-limits", 16, &wire.Change{Stream: firn.CategoriesStream, ID: someID, Life: firn.Limits{Category: "order", MaxAge: 36 * time.Hour, MaxCount: 1000}}},
		{"change-metadata", 16, &wire.Change{Stream: "order-42", ID: someID, Life: firn.Metadata{Data: []byte(`{"owner":"shop"}`)}}},
		{"changed", 16, &wire.Changed{Position: 70003}},
		{"head", 17, &wire.Head{}},
		{"head-at", 17, &wire.HeadAt{Position: 70003, Time: someTime}},
		{"head-at-empty", 17, &wire.HeadAt{}},
		{"resolve", 18, &wire.Resolve{Point: firn.MomentPoint(someTime), Consistency: firn.Consistency{AtLeast: 5}}},
		{"resolved", 18, &wire.Resolved{Position: 70003, Open: true}},
		{"stats", 19, &wire.Plain{Is: wire.KindStats}},
		{"stats-are", 19, &wire.Stats{Events: 8577, Streams: 1434, Bytes: 3 << 20, Layers: 2, DiskBytes: 5 << 20, Head: 8577, HeadTime: someTime, Figures: []wire.Figure{{Name: "block_cache_hits", Value: 12}}}},
		{"status", 20, &wire.Plain{Is: wire.KindStatus}},
		{"status-is", 20, &wire.ClusterStatus{Leader: "n1", Term: 7, Cluster: someID, History: otherID, Version: 1, Nodes: []wire.NodeStatus{
			{ID: "n1", Role: "voter", Up: true, Address: "10.0.0.1:7400", Peer: "10.0.0.1:7410", HTTP: "10.0.0.1:7420", Applied: 1000, Version: "1.0.0", DiskFree: 1 << 35},
			{ID: "n2", Role: "learner", Lag: 12},
		}, Access: "users"}},
		{"add-node", 21, &wire.AddNode{Node: "n4", Peer: "10.0.0.4:7410"}},
		{"remove-node", 22, &wire.Named{Is: wire.KindRemoveNode, Node: "n4"}},
		{"promote-node", 23, &wire.Named{Is: wire.KindPromoteNode, Node: "n4"}},
		{"transfer", 24, &wire.Named{Is: wire.KindTransfer}},
		{"done", 24, &wire.Plain{Is: wire.KindDone}},
		{"verify", 25, &wire.Plain{Is: wire.KindVerify}},
		{"progress", 25, &wire.Progress{Done: 100, Total: 8577}},
		{"verified", 25, &wire.Report{Events: 8577, Streams: 1434, Layers: 2, ChainIndex: 900, ChainHash: 1 << 63, Faults: []wire.Fault{{Invariant: 3, Key: []byte("e\x00"), Stream: "order-42", Position: 17, Text: "revision 3 stands twice"}}}},
		{"scavenge", 25, &wire.Scavenge{ID: someID}},
		{"scavenge-dry", 25, &wire.Scavenge{Dry: true}},
		{"scavenged", 25, &wire.Scavenged{Position: 70003, Time: someTime, Layers: 3, Events: 1200, Bytes: 400_000}},
		{"subscribe", 26, &wire.Subscribe{Credit: 2 << 20, Query: firn.Query{Category: "order", From: firn.PositionPoint(70003), TypePrefixes: []string{"Order"}, History: otherID}}},
		{"subscribe-stream", 27, &wire.Subscribe{Credit: 1, Query: firn.Query{Stream: "order-42", From: firn.RevisionPoint(3), Types: []string{"OrderPaid"}}}},
		{"marks", 26, &wire.Marks{Marks: []firn.Mark{
			{Kind: firn.Checkpoint, At: 70100, History: otherID},
			{Kind: firn.LifeMark, At: 70101, History: otherID, Stream: "order-42", Life: firn.Truncate{Before: 5}, Time: someTime, Actor: "ann"},
			{Kind: firn.CaughtUp, At: 70101, History: otherID},
		}}},
		{"load", 96, &wire.Load{Credit: 2 << 20, Query: firn.LoadQuery{Stream: "cart-7", Fold: "cart", Version: someFold, Bound: firn.MomentPoint(someTime), Raw: true, Consistency: firn.Consistency{Local: true}}}},
		{"loaded", 96, &wire.Loaded{Version: someFold, Revision: 120, Position: 70003, Open: true, Snapshot: &firn.Snapshot{Fold: "cart", Revision: 99, Partial: true, State: []byte(`{"items":[]}`)}}},
		{"loaded-nothing", 96, &wire.Loaded{Position: 70003, Partial: true}},
		{"define", 98, &wire.Define{Class: firn.FoldDefinition, Name: "cart", ID: someID, Expect: firn.At(2), Source: []byte("fold: cart\n")}},
		{"defined", 98, &wire.Defined{Definition: someDefinition}},
		{"definitions", 99, &wire.Definitions{Class: firn.UpcasterDefinition, At: firn.PositionPoint(17), Consistency: firn.Consistency{Local: true}, Credit: 2 << 20}},
		{"definitions-of-one", 99, &wire.Definitions{Class: firn.FoldDefinition, VersionsOf: "cart"}},
		{"definition-list", 99, &wire.DefinitionList{Definitions: []firn.Definition{someDefinition, {Class: firn.FoldDefinition, Name: "cart", Version: 4, Position: 80000, Time: someTime, Source: []byte{}}}}},
		{"faults", 10, &wire.Faults{Faults: []wire.ShownFault{{Position: 17, Kind: firn.ErrProgram, Message: "an event of type \"OrderPlaced\" could not be upcast"}}}},
		{"state", 104, &wire.State{Query: someAsked}},
		{"state-is", 104, &wire.StateIs{State: withState(someState, `{"items":[]}`)}},
		{"state-is-empty", 104, &wire.StateIs{State: firn.StreamState{Stream: "cart-7", Fold: "merge", State: []byte("{}"), Empty: true}}},
		{"diff", 105, &wire.Diff{Query: firn.DiffQuery{Stream: "cart-7", Fold: "cart", From: firn.StartPoint(), To: firn.RevisionPoint(120), Consistency: firn.Consistency{AtLeast: 17}}}},
		{"diff-is", 105, &wire.DiffIs{Diff: firn.StateDiff{
			From: someState, To: someState,
			Patch: []firn.PatchOperation{
				{Op: "add", Path: "/items/0", Is: []byte(`{"sku":"a"}`)}, {Op: "remove", Path: "/note", Was: []byte(`null`)},
				{Op: "replace", Path: "/total", Was: []byte("0"), Is: []byte("100.10")},
			},
		}}},
		{"blame", 106, &wire.Blame{Query: firn.BlameQuery{StateQuery: someAsked, Path: "/items"}}},
		{"blame-is", 106, &wire.BlameIs{Blame: firn.Blame{State: someState, Fields: []firn.BlamedField{
			{Path: "/items/0/sku", Value: []byte(`"a"`), Event: someEvent}, {Path: "/total", Value: []byte("0")},
		}}}},
		{"bisect", 107, &wire.Bisect{Query: firn.BisectQuery{StateQuery: someAsked, Where: ".total > 100", Scan: true}}},
		{"bisected", 107, &wire.Bisected{Bisected: firn.Bisected{
			State: someState, Found: true, Event: someEvent, HasState: []byte(`{"total":120}`), Had: []byte(`{"total":90}`), AtEnd: true, Changes: 1, Loads: 21,
		}}},
		{"backup", 108, &wire.Backup{Held: []wire.HeldFile{{Bytes: 1 << 24, Sum: [32]byte{0xab, 31: 0xcd}}, {}}, Rate: 64 << 20, Credit: 1 << 20}},
		{"backup-first", 109, &wire.Backup{Local: true, Credit: 1}},
		{"backup-begins", 108, &wire.BackupBegins{Bytes: 1 << 32}},
		{"backup-part", 108, &wire.BackupPart{Part: []byte("FIRNIMG\x01")}},
		{"bisected-nothing", 107, &wire.Bisected{Bisected: firn.Bisected{State: someState, Exact: true, Loads: 1}}},
		{"save-snapshot", 97, &wire.SaveSnapshot{Snapshot: firn.Snapshot{Stream: "cart-7", Fold: "cart", Version: someFold, Revision: 99, Partial: true, State: []byte(`{"items":[]}`)}}},
		{"create-group", 30, &wire.DefineGroup{Is: wire.KindCreateGroup, ID: someID, Group: group}},
		{"create-group-bare", 30, &wire.DefineGroup{Is: wire.KindCreateGroup, ID: someID, Group: firn.Group{Name: "audit", All: true}}},
		{"update-group", 31, &wire.DefineGroup{Is: wire.KindUpdateGroup, ID: someID, Group: firn.Group{Name: "one", Stream: "order-42", Unordered: true, From: firn.EndPoint()}}},
		{"delete-group", 32, &wire.DeleteGroup{ID: someID, Name: "billing"}},
		{"groups", 33, &wire.Groups{Credit: 4096}},
		{"group-list", 33, &wire.GroupList{Groups: []firn.Group{{Name: "audit", All: true}, group}}},
		{"group", 34, &wire.Group{Name: "billing"}},
		{"group-info", 34, &wire.GroupInfo{Info: firn.GroupInfo{
			Group: group, Passed: 100, Head: 8577, Lag: 70000, LagExact: true, LagTime: 90 * time.Second,
			InFlight: 12, Retrying: 3, Parked: 2, Waiting: 1, Consumers: 4, Delivered: 1234.5, Settled: 0.125,
		}}},
		{"consume", 35, &wire.Consume{Group: "billing", InFlight: 8, Credit: 2 << 20}},
		{"deliveries", 35, &wire.Deliveries{Items: []wire.Delivery{
			{Stream: "order-42", Token: firn.Token{Epoch: 7, Number: 1}, Attempt: 1, Record: someRecord("order-42", 17, 3)},
			{Stream: "order-7", Token: firn.Token{Epoch: 7, Number: 300}, Attempt: 2, Replay: true, Record: someRecord("order-7", 19, 0), Fault: &wire.DeliveryFault{Kind: firn.ErrInvalid, Message: "the upcaster order-shape failed"}},
		}}},
		{"deliveries-none", 35, &wire.Deliveries{}},
		{"settle", 36, &wire.Settle{Consume: 35, Answers: []firn.Settlement{
			{Token: firn.Token{Epoch: 7, Number: 1}, Outcome: firn.Ack},
			{Token: firn.Token{Epoch: 7, Number: 300}, Outcome: firn.RetryLater, Delay: 1500 * time.Millisecond, Reason: "the mail server is down"},
			{Token: firn.Token{Epoch: 7, Number: 301}, Outcome: firn.Park, Reason: "no such customer"},
			{Token: firn.Token{Epoch: 6, Number: 9}, Outcome: firn.Skip},
			{Token: firn.Token{Epoch: 7, Number: 302}, Outcome: firn.GiveBack},
		}}},
		{"counted", 36, &wire.Counted{Count: 1}},
		{"parked", 37, &wire.Parked{Group: "billing", Credit: 4096}},
		{"parked-list", 37, &wire.ParkedList{Events: []firn.ParkedEvent{
			{Stream: "order-42", Revision: 3, Position: 17, ID: someID, Type: "OrderPlaced", Attempts: 10, Reason: "no such customer", Time: someTime, Behind: 4},
		}}},
		{"unpark-replay", 38, &wire.Unpark{Group: "billing", Which: firn.ParkedSelection{Stream: "order-42"}}},
		{"unpark-drop", 38, &wire.Unpark{Group: "billing", Drop: true, Which: firn.ParkedSelection{ID: someID}}},
		{"unpark-all", 38, &wire.Unpark{Group: "billing", Drop: true, Which: firn.ParkedSelection{All: true}}},
		{"rewind", 39, &wire.Rewind{Group: "billing", To: firn.MomentPoint(someTime), DryRun: true}},
		{"rewound", 39, &wire.Rewound{Rewound: firn.Rewound{From: 8577, To: 16, Redelivered: 1434}}},
		{"wait-group", 40, &wire.WaitGroup{Group: "billing", Position: 8577}},
	}
}

// bad is what a reader must refuse.
type bad struct {
	name string
	kind firn.Kind // of the error
	why  string
	hex  string // of a whole frame
}

// bads are whole frames, most of them of kind Head (1a) on call 7.
func bads() []bad {
	return []bad{
		{"bad-frame-version", firn.ErrUnsupported, "the frame's version is 2", "0000000d 02 1a 0000000000000007 9192c2 00"},
		{"bad-frame-short", firn.ErrInvalid, "the length does not cover version, kind and call", "00000009 01 1a 0000000000000007"},
		{"bad-frame-huge", firn.ErrTooLarge, "a length of 4 GiB", "ffffffff 01 1a 0000000000000007"},
		{"bad-kind-unknown", firn.ErrUnsupported, "kind 200 is in no list", "0000000b 01 c8 0000000000000007 90"},
		{"bad-kind-zero", firn.ErrUnsupported, "kind 0 is no kind", "0000000b 01 00 0000000000000007 90"},
		{"bad-body-empty", firn.ErrInvalid, "a body is an array at least", "0000000a 01 1a 0000000000000007"},
		{"bad-body-trailing", firn.ErrInvalid, "a byte is left over behind the array", "0000000f 01 1a 0000000000000007 9192c200 c0"},
		{"bad-body-missing-field", firn.ErrInvalid, "the consistency has one field of two", "0000000d 01 1a 0000000000000007 9191c2"},
		{"bad-body-wrong-type", firn.ErrInvalid, "an integer where a boolean belongs", "0000000e 01 1a 0000000000000007 91920100"},
		{"bad-body-negative", firn.ErrInvalid, "a position of -1", "0000000e 01 1a 0000000000000007 9192c2ff"},
		{"bad-body-count", firn.ErrInvalid, "an array of 4 Gi fields in 5 bytes", "00000010 01 1a 0000000000000007 91ddffffffff"},
		{"bad-string-length", firn.ErrInvalid, "a string of 4 GiB in a Stream", "00000010 01 14 0000000000000007 92dbffffffff"},
		{"bad-bin-length", firn.ErrInvalid, "a record of 4 GiB in an Append", "00000017 01 10 0000000000000007 91 91 93 a161 9100 91c6ffffffff"},
		{"bad-nested-arrays", firn.ErrInvalid, "arrays inside arrays where a later release's field might be, cut short", "00000014 01 1a 0000000000000007 9292c200 919191919191"},
		{"bad-float", firn.ErrInvalid, "a sort of value that the protocol does not use, where a later release's field might be", "00000013 01 1a 0000000000000007 9292c200 ca00000000"},
		{"bad-expectation", firn.ErrInvalid, "an exact expectation without its revision", "00000012 01 10 0000000000000007 91 91 93 a161 9103 90"},
		{"bad-expectation-kind", firn.ErrInvalid, "an expectation of kind 9", "00000012 01 10 0000000000000007 91 91 93 a161 9109 90"},
		{"bad-point", firn.ErrInvalid, "a point of kind 6", "0000000f 01 14 0000000000000007 92 a161 9106"},
		{"bad-events-no-stream", firn.ErrInvalid, "a record before any stream's name", "0000000f 01 13 0000000000000007 91 91 c40100"},
		{"bad-change-no-id", firn.ErrInvalid, "a change without an id", "00000012 01 18 0000000000000007 94 a161 c0 9100 9101"},
		{"bad-change-life", firn.ErrInvalid, "a change of life of number 6", "00000023 01 18 0000000000000007 94 a161 c41001890a5dac96774bbcceb302099a8057 9100 9106"},
		{"bad-mark-life", firn.ErrInvalid, "a mark with a change of life of number 6", "00000015 01 41 0000000000000007 91 91 97 03 05 c0 a0 9106 c0 a0"},
		{"bad-group-no-id", firn.ErrInvalid, "a definition of a group without an id", "0000000e 01 52 0000000000000007 92 c0 a161"},
		{"bad-group-on-park", firn.ErrInvalid, "a group that does 2 on park", "0000002f 01 50 0000000000000007 92 c41001890a5dac96774bbcceb302099a8057 9f a161 a0 a0 c3 90 90 90 9100 c2 02 00 00 00 00 00"},
		{"bad-settle-outcome", firn.ErrInvalid, "an answer of outcome 6", "00000013 01 59 0000000000000007 92 01 91 95 01 01 06 00 a0"},
		{"bad-backup-sum", firn.ErrInvalid, "a SHA-256 of one byte", "00000014 01 70 0000000000000007 94 91 92 01 c401ab 00 c2 01"},
		{"bad-deliveries-count", firn.ErrInvalid, "4 Gi deliveries in 5 bytes", "00000010 01 58 0000000000000007 91 ddffffffff"},
		{"bad-unpark", firn.ErrInvalid, "something to do with parked events that is neither to replay nor to drop", "00000011 01 5c 0000000000000007 95 a161 03 a0 c0 c3"},
		{"bad-error-kind", firn.ErrInvalid, "an error of kind 0", "00000012 01 03 0000000000000007 97 00 a0 a0 c0 a0 90 90"},
	}
}
