package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/firndb/firn"
)

// Message DB on PostgreSQL, through its own functions (docs.eventide-project.org,
// user-guide/message-db/server-functions): write_message with the expected version,
// get_stream_messages, and get_category_messages for everything in order. It promises
// order within a category only, whose writers wait for each other until they are
// synced, so there are two of it: one category, which can be read in order, and many,
// whose writers share a sync, and which are only appended to. A batch is one
// transaction of pipelined calls. A consumer polls, here every millisecond.
//
// PostgreSQL syncs before it answers by default. What is set beside that is what its
// manual says of memory and of checkpoints (Server Configuration: a quarter of a small
// machine's memory; checkpoints further apart).
const (
	manyCategories  = 64
	mdbPage         = 10_000 // messages of one read
	mdbPoll         = time.Millisecond
	mdbPool         = 64
	mdbMaxClients   = 200
	postgresUser    = "postgres"
	postgresFolders = "/usr/lib/postgresql/*/bin" // Debian's; a newer one sorts later
)

var postgresSettings = []string{"shared_buffers=2GB", "max_wal_size=8GB", "checkpoint_timeout=30min", "max_connections=" + strconv.Itoa(mdbMaxClients)}

func messageDBSystem(categories int) *system {
	s := &system{
		name: "messagedb", about: "one category", synced: true, nodes: []int{1}, reads: true, follows: true, expected: true,
		version: messageDBVersion, missing: messageDBMissing,
	}
	if categories > 1 {
		s.name, s.about = "messagedb-categories", fmt.Sprintf("%d categories", categories)
		s.reads, s.follows = false, false
	}
	s.start = func(ctx context.Context, at place) (running, error) { return startMessageDB(ctx, at, categories) }
	return s
}

func postgresBin() string {
	folders, _ := filepath.Glob(postgresFolders)
	if len(folders) == 0 {
		return ""
	}
	return folders[len(folders)-1]
}

func messageDBMissing(o options) error {
	if postgresBin() == "" {
		return errInstall("PostgreSQL")
	}
	if _, err := os.Stat(filepath.Join(o.messageDB, "database", "install.sh")); err != nil {
		return errInstall("the npm package @eventide/message-db")
	}
	return nil
}

func messageDBVersion(o options) string {
	var p struct{ Version string }
	if b, err := os.ReadFile(filepath.Join(o.messageDB, "package.json")); err == nil {
		_ = json.Unmarshal(b, &p) // then it is empty, and said so
	}
	return fmt.Sprintf("%s on %s", p.Version, firstLine(filepath.Join(postgresBin(), "postgres"), "--version"))
}

type messageDBLog struct {
	pool       *pgxpool.Pool
	categories int
	seed       maphash.Seed
}

func startMessageDB(ctx context.Context, at place, categories int) (_ running, err error) {
	bin, data := postgresBin(), filepath.Join(at.dir, "data")
	as := func(name string, args ...string) *exec.Cmd {
		if os.Getuid() == 0 { // as whom PostgreSQL refuses to run
			args = append([]string{"-u", postgresUser, "--", name}, args...)
			name = "runuser"
		}
		cmd := exec.Command(name, args...)
		cmd.Dir = at.dir
		return cmd
	}
	if os.Getuid() == 0 {
		if err := giveTo(postgresUser, at.dir); err != nil {
			return running{}, err
		}
	}
	if _, err := output(as(filepath.Join(bin, "initdb"), "-D", data, "-A", "trust", "-U", postgresUser, "-E", "UTF8", "--locale", "C.UTF-8")); err != nil {
		return running{}, err
	}
	sockets, err := os.MkdirTemp("/tmp", "firn-peers-") // in /tmp, since the path of a socket must be short
	if err != nil {
		return running{}, err
	}
	if os.Getuid() == 0 {
		if err := giveTo(postgresUser, sockets); err != nil {
			return running{}, err
		}
	}
	l := &messageDBLog{categories: categories, seed: maphash.MakeSeed()}
	started := false
	stop := func() error {
		if l.pool != nil {
			l.pool.Close()
		}
		var err error
		if started {
			_, err = output(as(filepath.Join(bin, "pg_ctl"), "-D", data, "-m", "fast", "-w", "stop"))
		}
		return errors.Join(err, os.RemoveAll(sockets))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	addresses, err := freeAddresses(1)
	if err != nil {
		return running{}, err
	}
	settings := []string{"-p " + port(addresses[0]), "-k " + sockets, "-c listen_addresses=127.0.0.1"}
	for _, s := range postgresSettings {
		settings = append(settings, "-c "+s)
	}
	if _, err := output(as(filepath.Join(bin, "pg_ctl"), "-D", data, "-l", filepath.Join(at.dir, "log"), "-o", strings.Join(settings, " "), "-w", "start")); err != nil {
		return running{}, err
	}
	started = true
	install := exec.Command("bash", filepath.Join(at.messageDB, "database", "install.sh"))
	install.Env = append(os.Environ(), "PGHOST=127.0.0.1", "PGPORT="+port(addresses[0]), "PGUSER="+postgresUser)
	if _, err := output(install); err != nil {
		return running{}, err
	}
	config, err := pgxpool.ParseConfig(fmt.Sprintf("postgres://%s@%s/message_store?search_path=message_store&pool_max_conns=%d", postgresUser, addresses[0], min(max(at.clients, 4), mdbPool)))
	if err != nil {
		return running{}, err
	}
	l.pool, err = pgxpool.NewWithConfig(ctx, config)
	return running{store: asStore(l), stop: stop}, err
}

// giveTo makes a directory another user's.
func giveTo(name, dir string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, gid)
}

const (
	mdbWrite  = `select write_message($1, $2, $3, $4, $5, $6)`
	mdbStream = `select id, type, position, global_position, data, metadata, time from get_stream_messages($1, 0, -1)`
	mdbAll    = `select id, type, position, global_position, data, metadata, time, stream_name from get_category_messages('all', $1, $2)`
	mdbEnd    = `select coalesce(max(global_position), 0) from messages`
)

// name puts a stream into a category: all, or one of so many.
func (l *messageDBLog) name(stream string) string {
	if l.categories == 1 {
		return "all-" + stream
	}
	return fmt.Sprintf("c%d-%s", maphash.String(l.seed, stream)%uint64(l.categories), stream)
}

type mdbMetadata struct {
	Occurred int64 `json:"occurred,omitempty"` // µs since 1970
}

func (l *messageDBLog) append(ctx context.Context, stream string, next int64, events []firn.Event) error {
	name := l.name(stream)
	args := make([][]any, len(events))
	for i := range events {
		e := &events[i]
		data, err := json.Marshal(string(e.Data)) // one JSON string: jsonb does not keep the bytes of an object
		if err != nil {
			return err
		}
		var metadata, expected any
		if !e.Occurred.IsZero() {
			metadata = mdbMetadata{e.Occurred.UnixMicro()}
		}
		if next >= 0 {
			expected = next + int64(i) - 1
		}
		args[i] = []any{e.ID.String(), name, e.Type, json.RawMessage(data), metadata, expected}
	}
	if len(args) == 1 {
		_, err := l.pool.Exec(ctx, mdbWrite, args[0]...)
		return err
	}
	return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		var b pgx.Batch
		for _, a := range args {
			b.Queue(mdbWrite, a...)
		}
		return tx.SendBatch(ctx, &b).Close()
	})
}

func (l *messageDBLog) load(ctx context.Context, stream string) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		l.read(ctx, yield, mdbStream, l.name(stream))
	}
}

func (l *messageDBLog) follow(ctx context.Context, fromEnd bool, caughtUp func() bool) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		next := int64(1)
		if fromEnd {
			if err := l.pool.QueryRow(ctx, mdbEnd).Scan(&next); err != nil {
				yield(firn.Event{}, err)
				return
			}
			next++
		}
		told := false
		for {
			n, last, goOn := l.read(ctx, yield, mdbAll, next, mdbPage)
			if !goOn {
				return
			}
			next = max(next, last+1)
			if n == mdbPage {
				continue
			}
			if !told && !caughtUp() {
				return
			}
			told = true
			if n > 0 {
				continue
			}
			select {
			case <-ctx.Done():
				yield(firn.Event{}, ctx.Err())
				return
			case <-time.After(mdbPoll):
			}
		}
	}
}

// read yields what a query selects. It returns how many messages that were, and
// the global position of the last one.
func (l *messageDBLog) read(ctx context.Context, yield func(firn.Event, error) bool, query string, args ...any) (n int, last int64, goOn bool) {
	rows, err := l.pool.Query(ctx, query, args...)
	if err != nil {
		yield(firn.Event{}, err)
		return 0, 0, false
	}
	defer rows.Close()
	var id, kind, data, stream string
	var metadata *string
	var revision int64
	var at time.Time
	into := []any{&id, &kind, &revision, &last, &data, &metadata, &at, &stream}[:len(rows.FieldDescriptions())]
	for rows.Next() {
		e, err := firn.Event{}, rows.Scan(into...)
		if err == nil {
			e = firn.Event{Stream: strings.TrimPrefix(stream, "all-"), Revision: firn.Revision(revision), Position: firn.Position(last), Time: at, Type: kind}
			e.ID, err = firn.ParseID(id)
		}
		if err == nil {
			e.Data, err = mdbData(data)
		}
		if err == nil && metadata != nil {
			var m mdbMetadata
			err = json.Unmarshal([]byte(*metadata), &m)
			e.Occurred = fromMicros(m.Occurred)
		}
		if !yield(e, err) || err != nil {
			return n, last, false
		}
		n++
	}
	if err := rows.Err(); err != nil {
		yield(firn.Event{}, err)
		return n, last, false
	}
	return n, last, true
}

func mdbData(text string) ([]byte, error) {
	var data string
	err := json.Unmarshal([]byte(text), &data)
	return []byte(data), err
}
