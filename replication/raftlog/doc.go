// Package raftlog is Raft's disk: the log's entries, the vote and the term, and
// the record of the newest snapshot, on one Pebble of its own.
//
// # Opening
//
// A replica starts in this order:
//
//	log, err := raftlog.Open(dir, raftlog.Options{OnFatal: stop})
//	if id, meta, ok := log.Received(); ok {
//		…  // swap the engine's directory for the image with that id (again, if need be)
//		err = log.Adopt() // the log begins after the image; term and vote stay
//	}
//	…  // open the engine; it must have applied at least log.Snapshot().Index
//	snapshots := raftlog.NewSnapshots(log, images)
//	r, err := raft.NewRaft(config, fsm, log, log, snapshots, transport)
//	log.Running()
//
// config.NoSnapshotRestoreOnStart must be set: a snapshot's record has no data
// of its own to restore. raft.NewLogCache is not needed; entries that were
// just written are read from Pebble's memory.
//
// Open reads every entry and checks it (about a second for 1 GiB). A log that
// holds a damaged entry, misses one, or has lost its end, is refused with
// [firn.ErrDamaged], before it can vote.
//
// # What is durable on return
//
//   - StoreLogs: all the entries, in one synced batch.
//   - DeleteRange: the removal, synced.
//   - SetUint64 and Set: the value, synced, with one exception. Raft writes a
//     vote in two steps, the term and then the candidate, and a crash between
//     them makes an old candidate's name stand beside a new term. So
//     LastVoteTerm is held back in memory (and read back from there) until
//     LastVoteCand is set, and both are written in one batch. A crash in between
//     leaves the vote as it was: nothing was voted.
//   - Reset and Adopt: everything they change, in one synced batch.
//
// Nothing is stored that would leave a gap: entries follow the last one, or the
// newest snapshot where there is none, and DeleteRange takes them from the
// beginning, up to the newest snapshot, or from the end.
//
// How many entries to keep behind a snapshot is a matter of bytes;
// [Log.IndexForBytes] says where to cut, for Raft's TrailingLogs.
//
// # When the disk fails
//
// The first error that leaves in doubt what is on disk is the last thing the
// log does: it calls Options.OnFatal once, on a goroutine of its own, and from
// then on every method returns that error. No write returns nil after it. (A
// Fatalf of Pebble's logger that returned would make a synced write on a full disk
// return nil; one that blocked would leave Raft hanging. So every write runs on a
// goroutine that may end or hang without harm.)
// Damage found while reading does the same: a damaged log does not vote.
//
// Raft answers some of these errors by panicking, which would end the process
// of whoever embeds it. After [Log.Running] the two calls of that sort (a read
// of an entry that must be there, a write of the current term) do not return:
// they end the goroutine that called them, which is one of Raft's, with
// runtime.Goexit. Raft then stops answering, and Shutdown still works. Other
// callers read entries with [Log.Entry], which always returns.
//
// # Snapshots and images
//
// A snapshot that this replica takes is a record of about 200 bytes: index,
// term and configuration. The data is the engine's, which must have flushed up
// to the index before the record is made. So the FSM's snapshot says
//
//	func (s *snapshot) Persist(sink raft.SnapshotSink) error {
//		if err := s.engine.Flush(); err != nil {
//			return err
//		}
//		sink.(*raftlog.Sink).Flushed()
//		return sink.Close()
//	}
//
// and a sink that is closed without that, or without an image written to it,
// is refused, since Raft truncates the log as soon as the sink is closed.
//
// An image, the full copy of a replica's data, is made only when Raft sends a
// snapshot to a replica that is too far behind, and received when this is that
// replica. [Images] is how both reach the engine. An image that comes in:
//
//	Raft                     Snapshots                     Images
//	Create ────────────────► (nothing yet)
//	io.Copy ───────────────► first Write ────────────────► Receive(id, meta)
//	                         Write ──────────────────────► Receiver.Write
//	Close ─────────────────► Close ──────────────────────► Receiver.Finish: verified, synced
//	                         record "received", synced
//	                         from here on the log takes no entries
//	FSM.Restore ◄─────────── Open(id): the record, no bytes
//	                                   … the replica is closed and opened again, see above
//
// Until the record is written, the replica is what it was. From then on
// StoreLogs and DeleteRange are refused (the entries would be judged against
// data that is about to be replaced), so nothing is acknowledged that Adopt
// could take away, while votes go on. FSM.Restore starts the replica's restart
// and returns nil; it must drop what Raft still applies to the old engine.
//
// Adopt follows Raft's own rule: where the log holds an entry with the image's
// index and term, the entries behind it are kept, else all entries go.
package raftlog
