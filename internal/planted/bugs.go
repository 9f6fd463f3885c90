package planted

// Bug names a bug. docs/testing.md tells what each does, which published incident
// it re-enacts, and what catches it.
type Bug string

// Bugs of the engine.
const (
	AppliedTwice        Bug = "applied-twice"
	PositionReused      Bug = "position-reused"
	DedupForgotten      Bug = "dedup-forgotten"
	DedupOnlyOnConflict Bug = "dedup-only-on-conflict"
	TimeGoesBack        Bug = "time-goes-back"
	OneWriteJudged      Bug = "one-write-judged"
	LayerSealedShort    Bug = "layer-sealed-short"
	FoldHashForgotten   Bug = "fold-hash-forgotten"
	CheckpointUnflushed Bug = "checkpoint-unflushed"
)

// Bugs of subscriptions.
const (
	ResumedTooEarly        Bug = "resumed-too-early"
	HandOverLosesOne       Bug = "hand-over-loses-one"
	HighWaterMark          Bug = "high-water-mark"
	CheckpointInsideAppend Bug = "checkpoint-inside-append"
	CheckpointNotSent      Bug = "checkpoint-not-sent"
	CaughtUpTooEarly       Bug = "caught-up-too-early"
	LagsCaughtUp           Bug = "lags-caught-up"
)

// Bugs of consumer groups.
const (
	RetryForgotten        Bug = "retry-forgotten"
	RetryLosesOrder       Bug = "retry-loses-order"
	RetrySkipped          Bug = "retry-skipped"
	AttemptsForgotten     Bug = "attempts-forgotten"
	OneAttemptMore        Bug = "one-attempt-more"
	ParkedForgotten       Bug = "parked-forgotten"
	ReplayMovesCheckpoint Bug = "replay-moves-checkpoint"
	CheckpointAtHead      Bug = "checkpoint-at-head"
	HandedOutIsHandled    Bug = "handed-out-is-handled"
	AckCoversEarlier      Bug = "ack-covers-earlier"
	SettledBeforeKept     Bug = "settled-before-kept"
	TokenOfEvent          Bug = "token-of-event"
	WaitOverlooksRetries  Bug = "wait-overlooks-retries"
)

// Bugs of the Raft log.
const (
	RaftLogUnsynced     Bug = "raft-log-unsynced"
	VoteInHalves        Bug = "vote-in-halves"
	TruncationForgotten Bug = "truncation-forgotten"
	DivergentSuffixKept Bug = "divergent-suffix-kept"
	ShortLogVotes       Bug = "short-log-votes"
	DamageIsTheEnd      Bug = "damage-is-the-end"
)

// Bugs of replication, and of what stands on it.
const (
	AckBeforeMajority    Bug = "ack-before-majority"
	UnknownIsRefused     Bug = "unknown-is-refused"
	ReadBeforeApplied    Bug = "read-before-applied"
	CommitAhead          Bug = "commit-ahead"
	ShortenedBeforeFlush Bug = "shortened-before-flush"
	ImageNotInPlace      Bug = "image-not-in-place"
	ReplicaAnswersAlone  Bug = "replica-answers-alone"
)
