package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"

	mvcc "go.etcd.io/etcd/api/v3/mvccpb"
	etcd "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/firndb/firn"
)

// etcd: a key for each event, stream/revision, made by a transaction if it is not
// there and the one before it is (etcd.io/docs/v3.6/learning/api). A stream is
// a range of keys; everything in order is a watch from the first revision on, which
// etcd offers for what was not compacted. The clients have 16 connections, all to
// the leader, as in etcd's own benchmarks (etcd.io/docs/v3.6/op-guide/performance);
// the quota is what it advises not to exceed (etcd.io/docs/v3.6/dev-guide/limit).
const (
	etcdPrefix      = "events/"
	etcdConnections = 16
	etcdQuota       = 8 << 30 // bytes
)

func etcdSystem() *system {
	return &system{
		name: "etcd", about: "16 connections to the leader", synced: true, nodes: []int{1, 3}, reads: true, follows: true, expected: true,
		version: moduleVersion("go.etcd.io/etcd/server/v3"),
		start:   startEtcd,
	}
}

type etcdLog struct {
	clients []*etcd.Client
	next    atomic.Uint64
}

func startEtcd(ctx context.Context, at place) (_ running, err error) {
	var members []*embed.Etcd
	l := &etcdLog{}
	stop := func() error {
		var errs []error
		for _, c := range l.clients {
			errs = append(errs, c.Close())
		}
		for _, m := range members {
			m.Close()
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	addresses, err := freeAddresses(2 * at.nodes)
	if err != nil {
		return running{}, err
	}
	var initial []string
	for i := range at.nodes {
		initial = append(initial, nodeName(i)+"=http://"+addresses[2*i+1])
	}
	// All at once: a member is started only once it has found the others.
	type started struct {
		member *embed.Etcd
		err    error
	}
	starts := make(chan started, at.nodes)
	for i := range at.nodes {
		c := embed.NewConfig()
		c.Name, c.Dir = nodeName(i), filepath.Join(at.dir, nodeName(i))
		c.LogLevel = "fatal"
		c.QuotaBackendBytes = etcdQuota
		c.InitialCluster = strings.Join(initial, ",")
		forClients, forPeers := url.URL{Scheme: "http", Host: addresses[2*i]}, url.URL{Scheme: "http", Host: addresses[2*i+1]}
		c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{forClients}, []url.URL{forClients}
		c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{forPeers}, []url.URL{forPeers}
		go func() {
			m, err := embed.StartEtcd(c)
			starts <- started{m, err}
		}()
	}
	var errs []error
	for range at.nodes {
		s := <-starts
		errs = append(errs, s.err)
		if s.err == nil {
			members = append(members, s.member)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return running{}, err
	}
	var leader string
	err = eventually(ctx, func(ctx context.Context) error {
		for _, m := range members {
			if lead := m.Server.Leader(); lead != 0 && lead == m.Server.MemberID() {
				leader = m.Config().AdvertiseClientUrls[0].Host
				return nil
			}
		}
		return errors.New("there is no leader")
	})
	if err != nil {
		return running{}, err
	}
	for range min(max(at.clients, 1), etcdConnections) {
		c, err := etcd.New(etcd.Config{Endpoints: []string{leader}, DialTimeout: attemptTime})
		if err != nil {
			return running{}, err
		}
		l.clients = append(l.clients, c)
	}
	err = eventually(ctx, func(ctx context.Context) error {
		_, err := l.clients[0].Get(ctx, "ready")
		return err
	})
	return running{store: asStore(l), stop: stop}, err
}

func (l *etcdLog) client() *etcd.Client { return l.clients[l.next.Add(1)%uint64(len(l.clients))] }

func etcdKey(stream string, revision int64) string {
	return fmt.Sprintf("%s%s/%016x", etcdPrefix, stream, revision)
}

// append takes the stream's end from the caller. Where the caller does not know
// it, the event gets a key that nobody else makes, since etcd has no key that
// comes after all others.
func (l *etcdLog) append(ctx context.Context, stream string, next int64, events []firn.Event) error {
	var conditions []etcd.Cmp
	if next >= 0 {
		conditions = append(conditions, etcd.Compare(etcd.CreateRevision(etcdKey(stream, next)), "=", 0))
	}
	if next > 0 {
		conditions = append(conditions, etcd.Compare(etcd.CreateRevision(etcdKey(stream, next-1)), ">", 0))
	}
	puts := make([]etcd.Op, len(events))
	for i := range events {
		key := etcdPrefix + stream + "/" + events[i].ID.String()
		if next >= 0 {
			key = etcdKey(stream, next+int64(i))
		}
		puts[i] = etcd.OpPut(key, string(appendValue(nil, &events[i])))
	}
	answer, err := l.client().Txn(ctx).If(conditions...).Then(puts...).Commit()
	if err == nil && !answer.Succeeded {
		err = fmt.Errorf("%s does not end before revision %d", stream, next)
	}
	return err
}

func (l *etcdLog) load(ctx context.Context, stream string) iter.Seq2[firn.Event, error] {
	answer, err := l.client().Get(ctx, etcdPrefix+stream+"/", etcd.WithPrefix())
	if err != nil {
		return failed(err)
	}
	return func(yield func(firn.Event, error) bool) {
		for i, kv := range answer.Kvs {
			e, err := parseValue(kv.Value)
			e.Revision, e.Position = firn.Revision(i), etcdPosition(kv.ModRevision, i)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// etcdPosition tells the events of one transaction apart, which share a revision
// of etcd's.
func etcdPosition(revision int64, inside int) firn.Position {
	return firn.Position(uint64(revision)<<10 | uint64(inside&1023))
}

func (l *etcdLog) follow(ctx context.Context, fromEnd bool, caughtUp func() bool) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		c := l.client()
		now, err := c.Get(ctx, etcdPrefix, etcd.WithPrefix(), etcd.WithLimit(1), etcd.WithKeysOnly())
		if err != nil {
			yield(firn.Event{}, err)
			return
		}
		var last int64 // the revision of the newest event, since nothing else is written to this store; 0: there is none
		if len(now.Kvs) > 0 {
			last = now.Header.Revision
		}
		from := int64(1)
		if fromEnd {
			from = now.Header.Revision + 1
		}
		watch := c.Watch(ctx, etcdPrefix, etcd.WithPrefix(), etcd.WithRev(from), etcd.WithCreatedNotify())
		behind := !fromEnd && last > 0
		var revision int64
		var inside int
		for answer := range watch {
			if err := answer.Err(); err != nil {
				yield(firn.Event{}, err)
				return
			}
			if answer.Created && !behind && !caughtUp() {
				return
			}
			for _, change := range answer.Events {
				if change.Type != mvcc.PUT {
					continue
				}
				if change.Kv.ModRevision != revision {
					if behind && revision == last {
						behind = false
						if !caughtUp() {
							return
						}
					}
					revision, inside = change.Kv.ModRevision, 0
				}
				e, err := parseValue(change.Kv.Value)
				e.Position = etcdPosition(revision, inside)
				inside++
				if !yield(e, err) || err != nil {
					return
				}
			}
			if behind && revision == last { // an answer has a transaction whole, unless it asks for fragments
				behind = false
				if !caughtUp() {
					return
				}
			}
		}
		yield(firn.Event{}, context.Cause(ctx))
	}
}
