package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/planted"
)

// tier is a test that is to catch planted bugs. FIRN_SEED is its seed.
type tier struct {
	name string
	dir  string // of its package
	test string
	args []string // SEED stands for the seed
	env  []string
}

var (
	groupsTier        = &tier{name: "consumer groups", dir: "internal/check", test: "TestRandomGroups"}
	subscriptionsTier = &tier{name: "subscriptions", dir: "internal/check", test: "TestRandomSubscriptions"}
	modelTier         = &tier{name: "random operations", dir: "engine", test: "TestRandom"}
	replayTier        = &tier{name: "replay", dir: "engine", test: "TestReplayAndGroupingChangeNothing"}
	syncsTier         = &tier{name: "crash at every sync", dir: "replication/raftlog", test: "TestCrashAtEverySync", args: []string{"-raftlog.seed", "SEED"}}
	powerTier         = &tier{name: "power loss", dir: "server/powertest", test: "TestPowerLoss"}
	rotTier           = &tier{name: "bit rot", dir: "server", test: "TestRot"}
	backupsTier       = &tier{name: "backups under load", dir: "server/servertest", test: "TestBackupUnderLoad", env: []string{"FIRN_BACKUPS=1"}}
	chaosTier         = &tier{name: "chaos", dir: "replication", test: "TestChaos", args: []string{"-seed", "SEED"}}
)

// simTier is half a minute of simulated clusters, with a few kinds of faults.
func simTier(faults string) *tier {
	return &tier{
		name: "simulated clusters", dir: "server/servertest/sim", test: "TestSim",
		env: []string{"GOMAXPROCS=1", "GOGC=400", "FIRN_SIM_FOR=30s", "FIRN_SIM_FAULTS=" + faults},
	}
}

// What a test says where one of its checks has found something, beside the
// promises of package check.
var says = map[string]string{
	"model":    "from the model; they differ",  // an answer is not the model's
	"answer":   "and the first time",           // the same entry, applied again, answers otherwise
	"apply":    "applying entries ",            // an entry cannot be applied
	"chain":    "the chain is ",                // the same entries have another hash chain
	"verify":   "invariant ",                   // an invariant of the store is broken
	"damage":   "another replica or a backup",  // the store finds itself damaged
	"log":      "the log holds",                // the Raft log holds what it should not
	"unopened": "is damaged at its end",        // the Raft log misses what it had synced
	"read":     "acknowledged before it began", // a linearizable read is stale
	"backup":   "a backup from node",           // a backup lacks what was acknowledged
	"start":    "the node does not start",      // what a node has left does not fit together
	"forgot":   "opens, and is another one",    // a Raft log has lost something, and does not say so
	"refused":  "was refused and is there",     // what was not done was done
	"replicas": "texts: not within",            // the replicas do not come to hold the same
}

func init() {
	for _, promise := range []string{
		check.Order, check.Once, check.Gap, check.Torn, check.CaughtUp, check.Content,
		check.Lost, check.Again, check.Attempts, check.Stale, check.Parked, check.Wait,
		check.Acknowledged, check.Behind, "node",
	} {
		says[promise] = promise + ": "
	}
}

// plantedBug is a bug, and what is to catch it.
type plantedBug struct {
	bug    planted.Bug
	does   string
	seen   []incident // where it has happened to others
	by     *tier
	caught []string // by one of these checks
}

// incident is a published one.
type incident struct{ name, link string }

// at names incidents of a repository by their places: issues/1301, pull/5497.
func at(name, repository string, places ...string) (all []incident) {
	for _, place := range places {
		_, number, _ := strings.Cut(place, "/")
		all = append(all, incident{name + " " + number, "https://github.com/" + repository + "/" + place})
	}
	return all
}

var plantedBugs = []plantedBug{
	{planted.AppliedTwice, "after a start, the last entry is applied again", nil, replayTier, []string{"answer", "chain"}},
	{planted.PositionReused, "after a start, the last position is given to another event", nil, replayTier, []string{"damage", "chain", "answer", "verify"}},
	{planted.TimeGoesBack, "a new leader's clock sets the time back", nil, replayTier, []string{"verify"}},
	{planted.DedupForgotten, "what was appended before a restart is not recognised as repeated", nil, replayTier, []string{"answer"}},
	{planted.DedupOnlyOnConflict, "a repeated append whose expected revision holds is done again", at("KurrentDB", "kurrent-io/KurrentDB", "issues/1898"), modelTier, []string{"model"}},
	{planted.OneWriteJudged, "of an append to several streams, only the first one's expectation is looked at", nil, modelTier, []string{"model"}},
	{planted.LayerSealedShort, "a layer is sealed with one event too few", nil, replayTier, []string{"apply", "damage", "verify"}},
	{planted.FoldHashForgotten, "a snapshot that another version of a fold has made is loaded", nil, powerTier, []string{check.Content, check.Acknowledged}},
	{planted.CheckpointUnflushed, "a copy of the store holds nothing of what lies in memory", at("Pebble", "cockroachdb/pebble", "issues/795"), backupsTier, []string{"backup"}},

	{planted.ResumedTooEarly, "after a reconnection the last two events come again", at("eventstore", "YoEight/eventstore", "issues/62"), subscriptionsTier, []string{check.Once, check.Order}},
	{planted.HandOverLosesOne, "at the hand-over from history to live, one event is lost", at("Occurrent", "johanhaleby/occurrent", "pull/1059"), subscriptionsTier, []string{check.Gap}},
	{planted.HighWaterMark, "the high-water mark passes over what was committed meanwhile", at("Marten", "JasperFx/marten", "issues/1629", "issues/4964"), subscriptionsTier, []string{check.Gap}},
	{planted.CheckpointInsideAppend, "a consumer may leave off in the middle of one append", nil, subscriptionsTier, []string{check.Torn}},
	{planted.CheckpointNotSent, "a filtered subscription's checkpoint lies at an event that was not sent", at("KurrentDB", "kurrent-io/KurrentDB", "issues/4970"), subscriptionsTier, []string{check.Gap}},
	{planted.CaughtUpTooEarly, "catching up ends before the head is reached", at("Commanded", "commanded/eventstore", "pull/327"), subscriptionsTier, []string{check.Gap}},
	{planted.LagsCaughtUp, "a replica that lags calls its own end the end", nil, simTier("partition,one-way,slow apply"), []string{check.CaughtUp}},

	{planted.RetryForgotten, "the checkpoint passes events that wait for a retry", at("KurrentDB", "kurrent-io/KurrentDB", "issues/1301"), groupsTier, []string{check.Lost, check.Order}},
	{planted.RetryLosesOrder, "redelivery breaks the order of a stream", at("Pulsar", "apache/pulsar", "issues/15317"), groupsTier, []string{check.Order}},
	{planted.RetrySkipped, "a stream goes on one event too far behind a retry", nil, groupsTier, []string{check.Lost, check.Order}},
	{planted.AttemptsForgotten, "how often an event has failed is forgotten", at("LavinMQ", "cloudamqp/lavinmq", "issues/1911"), groupsTier, []string{check.Attempts}},
	{planted.OneAttemptMore, "an event that has failed for the last time is delivered again", at("NATS", "nats-io/nats-server", "pull/3365"), groupsTier, []string{check.Again, check.Attempts}},
	{planted.ParkedForgotten, "an event is gone after its last attempt", at("NATS", "nats-io/nats-server", "issues/6538"), groupsTier, []string{check.Lost, check.Parked}},
	{planted.ReplayMovesCheckpoint, "replaying parked events moves the checkpoint past others", at("KurrentDB", "kurrent-io/KurrentDB", "pull/1890"), groupsTier, []string{check.Lost, check.Order}},
	{planted.CheckpointAtHead, "the checkpoint passes events left for a busy consumer", at("KurrentDB", "kurrent-io/KurrentDB", "pull/5497"), groupsTier, []string{check.Lost, check.Order}},
	{planted.HandedOutIsHandled, "an event counts as handled when it is handed out", append(at("librdkafka", "confluentinc/librdkafka", "issues/1122"), at("franz-go", "twmb/franz-go", "issues/57")...), groupsTier, []string{check.Lost, check.Order}},
	{planted.AckCoversEarlier, "to acknowledge one event acknowledges those before it", at("sarama-cluster", "bsm/sarama-cluster", "issues/148"), groupsTier, []string{check.Lost, check.Order}},
	{planted.SettledBeforeKept, "an acknowledgement is answered before it is kept", at("NATS", "nats-io/nats-server", "pull/5761"), groupsTier, []string{check.Again}},
	{planted.TokenOfEvent, "whoever was too late acknowledges what another consumer has by now", at("NATS", "nats-io/nats-server", "issues/4786"), groupsTier, []string{check.Again, check.Stale}},
	{planted.WaitOverlooksRetries, "a wait is over before the group has come there", nil, groupsTier, []string{check.Wait, check.Lost}},

	{planted.RaftLogUnsynced, "an entry is acknowledged before it is on the disk", at("NATS", "nats-io/nats-server", "issues/7564"), syncsTier, []string{"log", "unopened"}},
	{planted.ShortLogVotes, "a node that has lost entries it had acknowledged goes on with what is left", at("NATS", "nats-io/nats-server", "issues/7567"), simTier("power cut"), []string{check.Acknowledged, check.Content, check.Order}},
	{planted.DamageIsTheEnd, "damage at the log's end is taken for the end", at("NATS", "nats-io/nats-server", "issues/7549"), rotTier, []string{"forgot"}},
	{planted.VoteInHalves, "a crash between the two writes of a vote leaves half of it", at("hashicorp/raft", "hashicorp/raft", "issues/661"), syncsTier, []string{"log"}},
	{planted.TruncationForgotten, "entries that were cut off are there again after a restart", nil, syncsTier, []string{"log", "unopened"}},
	{planted.DivergentSuffixKept, "an image is installed over a log that holds other entries, and these stay", at("hashicorp/raft", "hashicorp/raft", "issues/697", "pull/704"), syncsTier, []string{"log"}},

	{planted.AckBeforeMajority, "an entry on its way to a follower counts as stored there", at("KurrentDB", "kurrent-io/KurrentDB", "issues/3472", "pull/1915"), chaosTier, []string{"replicas", "read"}},
	{planted.UnknownIsRefused, "what may have been done is said not to have been", nil, chaosTier, []string{"refused"}},
	{planted.ReadBeforeApplied, "a read does not wait until what is committed is applied", nil, chaosTier, []string{"read"}},
	{planted.CommitAhead, "to a heartbeat, a follower takes all of its log for committed", at("Copycat", "atomix/copycat", "issues/265"), simTier("partition,crash,transfer"), []string{check.Acknowledged, check.Content, "node"}},
	{planted.ShortenedBeforeFlush, "the log is shortened before what it held is on the disk", nil, powerTier, []string{"start"}},
	{planted.ImageNotInPlace, "the record of an image is believed, and the image was not put in place", at("rqlite", "rqlite/rqlite", "issues/2747"), simTier("members"), []string{"node", check.Acknowledged}},
	{planted.ReplicaAnswersAlone, "a replica does not ask the leader how far a read has to come", nil, simTier("partition,one-way,slow apply"), []string{check.Behind}},
}

const plantedPage = "../../docs/testing.md"

// TestPlantedTable holds the table in docs/testing.md against the bugs, these
// against those that package planted names, and the names against the code.
func TestPlantedTable(t *testing.T) {
	var names, listed, table []string
	source, err := os.ReadFile("../planted/bugs.go")
	if err != nil {
		t.Fatal(err)
	}
	shipped := shippedSources(t)
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+)\s+Bug = "([^"]+)"$`).FindAllStringSubmatch(string(source), -1) {
		names = append(names, m[2])
		if uses := strings.Count(shipped, "planted.Is(planted."+m[1]+")"); uses == 0 {
			t.Errorf("%s is planted nowhere", m[1])
		}
	}
	for _, b := range plantedBugs {
		listed = append(listed, string(b.bug))
		var seen []string
		for _, i := range b.seen {
			seen = append(seen, fmt.Sprintf("[%s](%s)", i.name, i.link))
		}
		table = append(table, fmt.Sprintf("| `%s` | %s | %s | %s: %s |", b.bug, b.does, strings.Join(seen, ", "), b.by.name, strings.Join(b.caught, ", ")))
	}
	slices.Sort(names)
	slices.Sort(listed)
	if !slices.Equal(names, listed) {
		t.Errorf("package planted names\n%v\nthe table has\n%v", names, listed)
	}
	page, err := os.ReadFile(plantedPage)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(table, "\n") + "\n"; !strings.Contains(string(page), want) {
		t.Errorf("docs/testing.md has another table of planted bugs; this is the one:\n%s", want)
	}
}

// shippedSources returns all Go sources of the module but its tests.
func shippedSources(t *testing.T) string {
	var all strings.Builder
	err := filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		all.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
