package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/firndb/firn"
)

// NATS JetStream: one JetStream stream for everything, a subject for each stream
// of events, and the sequence of a subject's last message as the expected
// revision (docs.nats.io, nats-concepts/jetstream/headers). Batches
// are atomic batch publishing (docs.nats.io, reference/config/jetstream/limits/batch;
// ADR-50), which with the defaults takes 50 at once; that limit is raised. A
// stream is loaded, and everything is read, by an ordered consumer
// (docs.nats.io, nats-concepts/jetstream/consumers): of a stream, batched direct gets gave
// half as many events.
//
// By default a message is acknowledged before it is synced; sync_interval always
// syncs it before (docs.nats.io, reference/config/jetstream/sync_interval).
const (
	jsStream       = "EVENTS"
	jsSubjects     = "events."
	jsLoadPull     = 200  // messages that a consumer asks for ahead; of one subject
	jsPull         = 2000 // of everything
	jsConnections  = 16
	jsBatches      = 1000 // in flight
	headerID       = "Event-Id"
	headerType     = "Event-Type"
	headerOccurred = "Event-Occurred"
)

func jetStreamSystem(synced bool) *system {
	s := &system{
		name: "jetstream", about: "sync_interval: always", synced: true, nodes: []int{1, 3}, reads: true, follows: true, expected: true,
		version: moduleVersion("github.com/nats-io/nats-server/v2"),
	}
	if !synced {
		s.name, s.about, s.synced = "jetstream-default", "sync_interval: 2m", false
	}
	s.start = func(ctx context.Context, at place) (running, error) { return startJetStream(ctx, at, synced) }
	return s
}

type jetStreamLog struct {
	connections []jetstream.JetStream
	next        atomic.Uint64
	ends        sync.Map // stream → streamEnd
}

// streamEnd is what a program knows of a stream from its append before.
type streamEnd struct {
	next     int64  // revision
	sequence uint64 // of the last message
}

func startJetStream(ctx context.Context, at place, synced bool) (_ running, err error) {
	var servers []*server.Server
	l := &jetStreamLog{}
	stop := func() error {
		for _, js := range l.connections {
			js.Conn().Close()
		}
		for _, s := range servers {
			s.Shutdown()
			s.WaitForShutdown()
		}
		return nil
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
	var routes []*url.URL
	for i := range at.nodes {
		routes = append(routes, &url.URL{Scheme: "nats", Host: addresses[2*i+1]})
	}
	for i := range at.nodes {
		o := &server.Options{
			ServerName: nodeName(i), Host: "127.0.0.1", NoLog: true, NoSigs: true,
			JetStream: true, StoreDir: filepath.Join(at.dir, nodeName(i)), SyncAlways: synced,
			JetStreamMaxStore: 1 << 40, // so that free disk space does not decide what is refused
		}
		o.Port, _ = strconv.Atoi(port(addresses[2*i]))
		o.JetStreamLimits.MaxBatchInflightPerStream = jsBatches
		o.JetStreamLimits.MaxBatchInflightTotal = jsBatches
		if at.nodes > 1 {
			o.Cluster.Name, o.Cluster.Host = "peers", "127.0.0.1"
			o.Cluster.Port, _ = strconv.Atoi(port(addresses[2*i+1]))
			o.Routes = routes
		}
		s, err := server.NewServer(o)
		if err != nil {
			return running{}, err
		}
		servers = append(servers, s)
		s.Start()
	}
	for _, s := range servers {
		if !s.ReadyForConnections(startTimeout) {
			return running{}, fmt.Errorf("%s does not take connections", s.Name())
		}
	}
	return running{store: asStore(l), stop: stop}, l.connect(ctx, at, servers)
}

// connect makes the stream and the connections, to the node that leads it.
func (l *jetStreamLog) connect(ctx context.Context, at place, servers []*server.Server) error {
	dial := func(s *server.Server) error {
		nc, err := nats.Connect(s.ClientURL())
		if err != nil {
			return err
		}
		js, err := jetstream.New(nc)
		l.connections = append(l.connections, js)
		return err
	}
	if err := dial(servers[0]); err != nil {
		return err
	}
	var stream jetstream.Stream
	err := eventually(ctx, func(ctx context.Context) (err error) {
		stream, err = l.connections[0].CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: jsStream, Subjects: []string{jsSubjects + ">"}, Storage: jetstream.FileStorage, Replicas: at.nodes,
			AllowDirect: true, AllowAtomicPublish: true,
		})
		return err
	})
	if err != nil {
		return err
	}
	leader := servers[0]
	if at.nodes > 1 {
		err := eventually(ctx, func(ctx context.Context) error {
			info, err := stream.Info(ctx)
			if err != nil {
				return err
			}
			for _, s := range servers {
				if info.Cluster != nil && s.Name() == info.Cluster.Leader {
					leader = s
					return nil
				}
			}
			return errors.New("the stream has no leader")
		})
		if err != nil {
			return err
		}
		l.connections[0].Conn().Close()
		l.connections = nil
	}
	for len(l.connections) < min(max(at.clients, 1), jsConnections) {
		if err := dial(leader); err != nil {
			return err
		}
	}
	return nil
}

func (l *jetStreamLog) connection() jetstream.JetStream {
	return l.connections[l.next.Add(1)%uint64(len(l.connections))]
}

func (l *jetStreamLog) append(ctx context.Context, stream string, next int64, events []firn.Event) error {
	messages := make([]*nats.Msg, len(events))
	for i := range events {
		e := &events[i]
		m := &nats.Msg{Subject: jsSubjects + stream, Data: e.Data, Header: nats.Header{headerID: {e.ID.String()}, headerType: {e.Type}}}
		if !e.Occurred.IsZero() {
			m.Header.Set(headerOccurred, strconv.FormatInt(e.Occurred.UnixMicro(), 10))
		}
		messages[i] = m
	}
	if next >= 0 {
		var end streamEnd // of a stream that is not there
		if next > 0 {
			known, _ := l.ends.Load(stream)
			if end, _ = known.(streamEnd); end.next != next {
				return fmt.Errorf("append to %s at revision %d; here it is known until %d", stream, next, end.next)
			}
		}
		messages[0].Header.Set(nats.ExpectedLastSubjSeqHdr, strconv.FormatUint(end.sequence, 10))
	}
	js := l.connection()
	var last uint64
	if len(messages) == 1 {
		ack, err := js.PublishMsg(ctx, messages[0])
		if err != nil {
			return err
		}
		last = ack.Sequence
	} else {
		ack, err := jetstreamext.PublishMsgBatch(ctx, js, messages, jetstreamext.BatchFlowControl{AckFirst: false})
		if err != nil {
			return err
		}
		last = ack.Sequence
	}
	if next >= 0 {
		l.ends.Store(stream, streamEnd{next + int64(len(events)), last})
	}
	return nil
}

func (l *jetStreamLog) load(ctx context.Context, stream string) iter.Seq2[firn.Event, error] {
	config := jetstream.OrderedConsumerConfig{FilterSubjects: []string{jsSubjects + stream}}
	return func(yield func(firn.Event, error) bool) {
		var revision firn.Revision // which JetStream does not keep: a subject's messages are numbered by the stream
		for e, err := range l.consume(ctx, config, jsLoadPull, func() bool { return false }) {
			e.Revision = revision
			revision++
			if !yield(e, err) {
				return
			}
		}
	}
}

func (l *jetStreamLog) follow(ctx context.Context, fromEnd bool, caughtUp func() bool) iter.Seq2[firn.Event, error] {
	config := jetstream.OrderedConsumerConfig{}
	if fromEnd {
		config.DeliverPolicy = jetstream.DeliverNewPolicy
	}
	return l.consume(ctx, config, jsPull, caughtUp)
}

// consume makes a consumer, yields what it is sent, and removes it. What it had
// not sent when it was made is what there is to catch up with.
func (l *jetStreamLog) consume(ctx context.Context, config jetstream.OrderedConsumerConfig, pull int, caughtUp func() bool) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		fail := func(err error) { yield(firn.Event{}, errors.Join(ctx.Err(), err)) }
		js := l.connection()
		consumer, err := js.OrderedConsumer(ctx, jsStream, config)
		if err != nil {
			fail(err)
			return
		}
		info := consumer.CachedInfo()
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
			defer cancel()
			_ = js.DeleteConsumer(ctx, jsStream, info.Name) // the server removes it too, once nobody has asked it for a while
		}()
		if info.NumPending == 0 && !caughtUp() {
			return
		}
		messages, err := consumer.Messages(jetstream.PullMaxMessages(pull))
		if err != nil {
			fail(err)
			return
		}
		defer messages.Stop()
		defer context.AfterFunc(ctx, messages.Stop)()
		for n := uint64(1); ; n++ {
			m, err := messages.Next()
			if err != nil {
				fail(err)
				return
			}
			meta, err := m.Metadata()
			if err != nil {
				fail(err)
				return
			}
			e, err := jsEvent(m.Subject(), meta.Sequence.Stream, meta.Timestamp, m.Headers(), m.Data())
			if !yield(e, err) || err != nil {
				return
			}
			if n == info.NumPending && !caughtUp() {
				return
			}
		}
	}
}

func jsEvent(subject string, sequence uint64, at time.Time, h nats.Header, data []byte) (e firn.Event, err error) {
	e = firn.Event{Stream: subject[min(len(jsSubjects), len(subject)):], Position: firn.Position(sequence), Time: at, Type: h.Get(headerType), Data: data}
	if e.ID, err = firn.ParseID(h.Get(headerID)); err != nil {
		return e, err
	}
	if occurred := h.Get(headerOccurred); occurred != "" {
		us, err := strconv.ParseInt(occurred, 10, 64)
		if err != nil {
			return e, err
		}
		e.Occurred = time.UnixMicro(us)
	}
	return e, nil
}
