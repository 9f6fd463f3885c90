package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/firndb/firn"
)

// Redis Streams: a Redis stream for each stream of events, and one for everything.
// A script appends to both if the stream ends where the caller thinks, which is
// how Redis makes several commands one step that depends on what is there
// (redis.io/docs/latest/develop/programmability/eval-intro). The event is in
// both, so that either read is one command. An entry's id in the stream of events
// is its revision. Following is XREAD with BLOCK (develop/data-types/streams).
// Each client has a connection; Redis syncs once for all whose commands it found
// waiting (operate/oss_and_stack/management/persistence).
//
// Debian's default keeps snapshots and no append-only file. appendfsync always syncs that
// file before the answer; snapshots and rewrites, which would only take from it, are off then.
const (
	redisAll     = "$all"
	redisPage    = 5000 // entries of one read
	redisBlock   = time.Second
	redisMinimum = 4 // connections
)

// redisAppend gets the stream and the stream of everything as keys; then the
// revision expected next, or -1, the stream's name and four arguments an event.
var redisAppend = redis.NewScript(`
local n = redis.call('XLEN', KEYS[1])
local expected = tonumber(ARGV[1])
if expected >= 0 and n ~= expected then
	return redis.error_reply('CONFLICT the stream ends before ' .. n)
end
for i = 3, #ARGV, 5 do
	n = n + 1
	redis.call('XADD', KEYS[1], n .. '-0', 'i', ARGV[i], 't', ARGV[i+1], 'd', ARGV[i+2], 'a', ARGV[i+3], 'o', ARGV[i+4])
	redis.call('XADD', KEYS[2], '*', 's', ARGV[2], 'i', ARGV[i], 't', ARGV[i+1], 'd', ARGV[i+2], 'a', ARGV[i+3], 'o', ARGV[i+4])
end
return n
`)

func redisSystem(synced bool) *system {
	s := &system{
		name: "redis", about: "appendfsync always", synced: true, nodes: []int{1}, reads: true, follows: true, expected: true,
		version: func(options) string { return redisVersion() }, missing: redisMissing,
	}
	if !synced {
		s.name, s.about, s.synced = "redis-default", "snapshots only", false
	}
	s.start = func(ctx context.Context, at place) (running, error) { return startRedis(ctx, at, synced) }
	return s
}

func redisMissing(options) error {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return errInstall("redis-server")
	}
	return nil
}

// redisVersion takes the number out of "Redis server v=7.0.15 sha=…".
func redisVersion() string {
	for word := range strings.FieldsSeq(firstLine("redis-server", "--version")) {
		if v, ok := strings.CutPrefix(word, "v="); ok {
			return v
		}
	}
	return "unknown"
}

type redisLog struct{ c *redis.Client }

func startRedis(ctx context.Context, at place, synced bool) (_ running, err error) {
	addresses, err := freeAddresses(1)
	if err != nil {
		return running{}, err
	}
	args := []string{"--bind", "127.0.0.1", "--port", port(addresses[0]), "--dir", at.dir, "--logfile", "log", "--daemonize", "no"}
	if synced {
		args = append(args, "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", "0")
	}
	server := exec.Command("redis-server", args...)
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		return running{}, err
	}
	c := redis.NewClient(&redis.Options{Addr: addresses[0], PoolSize: max(at.clients, redisMinimum)})
	stop := func() error {
		err := errors.Join(c.Close(), server.Process.Signal(syscall.SIGTERM))
		return errors.Join(err, server.Wait())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	if err := eventually(ctx, func(ctx context.Context) error { return c.Ping(ctx).Err() }); err != nil {
		return running{}, err
	}
	return running{store: asStore(&redisLog{c}), stop: stop}, redisAppend.Load(ctx, c).Err()
}

func (l *redisLog) append(ctx context.Context, stream string, next int64, events []firn.Event) error {
	args := make([]any, 0, 2+5*len(events))
	args = append(args, next, stream)
	for i := range events {
		e := &events[i]
		args = append(args, e.ID[:], e.Type, e.Data, micros(e.Time), micros(e.Occurred))
	}
	return redisAppend.EvalSha(ctx, l.c, []string{"s:" + stream, redisAll}, args...).Err()
}

func (l *redisLog) load(ctx context.Context, stream string) iter.Seq2[firn.Event, error] {
	entries, err := l.c.XRange(ctx, "s:"+stream, "-", "+").Result()
	if err != nil {
		return failed(err)
	}
	return func(yield func(firn.Event, error) bool) {
		for i := range entries {
			e, err := redisEvent(&entries[i])
			n, _, _ := strings.Cut(entries[i].ID, "-")
			revision, numberErr := strconv.ParseUint(n, 10, 64)
			err = errors.Join(err, numberErr)
			e.Revision, e.Position = firn.Revision(revision-1), firn.Position(revision)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (l *redisLog) follow(ctx context.Context, fromEnd bool, caughtUp func() bool) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		fail := func(err error) { yield(firn.Event{}, err) }
		last := "0-0"
		end, err := l.c.XRevRangeN(ctx, redisAll, "+", "-", 1).Result()
		if err != nil {
			fail(err)
			return
		}
		if fromEnd && len(end) > 0 {
			last = end[0].ID
		}
		if (fromEnd || len(end) == 0) && !caughtUp() {
			return
		}
		for {
			read, err := l.c.XRead(ctx, &redis.XReadArgs{Streams: []string{redisAll, last}, Count: redisPage, Block: redisBlock}).Result()
			if errors.Is(err, redis.Nil) { // nothing came
				continue
			}
			if err != nil {
				fail(err)
				return
			}
			for i := range read[0].Messages {
				entry := &read[0].Messages[i]
				e, err := redisEvent(entry)
				if err == nil {
					e.Position, err = redisPosition(entry.ID)
				}
				if !yield(e, err) || err != nil {
					return
				}
				last = entry.ID
				if !fromEnd && last == end[0].ID && !caughtUp() {
					return
				}
			}
		}
	}
}

func redisEvent(entry *redis.XMessage) (e firn.Event, err error) {
	text := func(key string) string { s, _ := entry.Values[key].(string); return s }
	if copy(e.ID[:], text("i")) != len(e.ID) {
		return e, fmt.Errorf("entry %s has no event's id", entry.ID)
	}
	at, err := strconv.ParseInt(text("a"), 10, 64)
	if err != nil {
		return e, err
	}
	occurred, err := strconv.ParseInt(text("o"), 10, 64)
	if err != nil {
		return e, err
	}
	e.Stream, e.Type, e.Data = text("s"), text("t"), []byte(text("d"))
	e.Time, e.Occurred = fromMicros(at), fromMicros(occurred)
	return e, nil
}

// redisPosition makes one number of an id, which is a time in ms and a number
// within it; ids grow in the order in which entries are added.
func redisPosition(id string) (firn.Position, error) {
	ms, within, _ := strings.Cut(id, "-")
	a, err := strconv.ParseUint(ms, 10, 44)
	if err != nil {
		return 0, err
	}
	b, err := strconv.ParseUint(within, 10, 20)
	return firn.Position(a<<20 | b), err
}
