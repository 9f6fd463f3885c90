package servertest_test

import (
	"io"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/wire"
)

// only is an operation that tells of no stream.
func only(do func(d *doing) error) func(*doing) ([]string, error) {
	return func(d *doing) ([]string, error) { return nil, do(d) }
}

func draft() firn.Draft { return firn.Draft{Type: "Put", Data: []byte(`{"n":1}`)} }

// eventStreams are the streams of events.
func eventStreams(events iter.Seq2[firn.Event, error]) (seen []string, err error) {
	for e, err := range events {
		if err != nil {
			return seen, err
		}
		seen = append(seen, e.Stream)
	}
	return seen, nil
}

func reading(q firn.Query) func(*doing) ([]string, error) {
	return func(d *doing) ([]string, error) { return eventStreams(d.db.Read(d.ctx, q)) }
}

func subscribing(q firn.Query) func(*doing) ([]string, error) {
	return func(d *doing) (seen []string, err error) {
		for m, err := range d.db.Subscribe(d.ctx, q) {
			if err != nil {
				return seen, err
			}
			switch {
			case m.Mark == nil:
				seen = append(seen, m.Event.Stream)
			case m.Mark.Kind == firn.CaughtUp:
				return seen, nil
			}
		}
		return seen, nil
	}
}

func naming(q firn.StreamQuery) func(*doing) ([]string, error) {
	return func(d *doing) (seen []string, err error) {
		for i, err := range d.db.Streams(d.ctx, q) {
			if err != nil {
				return seen, err
			}
			seen = append(seen, i.Name)
		}
		return seen, nil
	}
}

// wireOperations are the rows of the TCP protocol.
func wireOperations() []operation {
	kinds := func(k ...wire.Kind) []wire.Kind { return k }
	of := firn.StateQuery{Stream: "order-1"}
	return []operation{
		{name: "append", is: kinds(wire.KindAppend), role: firn.RoleWrite, of: onStream, do: only(func(d *doing) error {
			_, err := d.db.Append(d.ctx, firn.To("order-1", firn.Any, draft()))
			return err
		})},
		{name: "append to two", is: kinds(wire.KindAppend), role: firn.RoleWrite, of: onBatch, do: only(func(d *doing) error {
			_, err := d.db.Append(d.ctx, firn.To("order-1", firn.Any, draft()), firn.To("cart-1", firn.Any, draft()))
			return err
		})},
		{name: "append with a condition on another", is: kinds(wire.KindAppend), role: firn.RoleWrite, of: onBatch, do: only(func(d *doing) error {
			_, err := d.db.Append(d.ctx, firn.To("order-1", firn.Any, draft()), firn.Check("cart-1", firn.Exists))
			return err
		})},
		{name: "only a condition", is: kinds(wire.KindAppend), role: firn.RoleWrite, of: onStream, do: only(func(d *doing) error {
			_, err := d.db.Append(d.ctx, firn.Check("order-1", firn.None))
			return err
		})},
		{name: "append at", is: kinds(wire.KindAppendAt), role: firn.RoleWrite, of: onStream, do: only(func(d *doing) error {
			_, err := d.db.AppendAt(d.ctx, time.Unix(1, 0), firn.To("order-1", firn.Any, draft()))
			return err
		})},
		{name: "import's progress", is: kinds(wire.KindAppend), role: firn.RoleWrite, of: onWhole, do: only(func(d *doing) error {
			_, err := d.db.Append(d.ctx, firn.To("$import-1", firn.Any, draft()))
			return err
		})},
		{name: "change", is: kinds(wire.KindChange), role: firn.RoleWrite, of: onStream, do: only(func(d *doing) error {
			_, err := d.db.Change(d.ctx, "order-1", firn.Any, firn.Metadata{Data: []byte("{}")})
			return err
		})},
		{name: "limit a category", is: kinds(wire.KindChange), role: firn.RoleWrite, of: onCategory, do: only(func(d *doing) error {
			_, err := d.db.Change(d.ctx, firn.CategoriesStream, firn.Any, firn.Limits{Category: "order", MaxCount: 1e6})
			return err
		})},
		{name: "read", is: kinds(wire.KindRead), role: firn.RoleRead, of: onStream, do: reading(firn.Query{Stream: "order-1"})},
		{name: "read what is not there", is: kinds(wire.KindRead), role: firn.RoleRead, of: onStream, do: reading(firn.Query{Stream: "order-99"})},
		{name: "read locally", is: kinds(wire.KindRead), role: firn.RoleRead, of: onStream,
			do: reading(firn.Query{Stream: "order-1", Consistency: firn.Consistency{Local: true}})},
		{name: "read a stream's life", is: kinds(wire.KindRead), role: firn.RoleRead, of: onStream, do: reading(firn.Query{Stream: firn.LifeStream("order-1")})},
		{name: "read all", is: kinds(wire.KindRead), role: firn.RoleRead, of: onVisible, do: reading(firn.Query{All: true})},
		{name: "read all backwards", is: kinds(wire.KindRead), role: firn.RoleRead, of: onVisible, do: reading(firn.Query{All: true, Backwards: true})},
		{name: "read all locally", is: kinds(wire.KindRead), role: firn.RoleRead, of: onVisible,
			do: reading(firn.Query{All: true, Consistency: firn.Consistency{Local: true}})},
		{name: "read a category", is: kinds(wire.KindRead), role: firn.RoleRead, of: onCategory, do: reading(firn.Query{Category: "order"})},
		{name: "read by beginnings", is: kinds(wire.KindRead), role: firn.RoleRead, of: onCategory,
			do: reading(firn.Query{All: true, StreamPrefixes: []string{"order-1", "order-"}})},
		{name: "read by correlation", is: kinds(wire.KindRead), role: firn.RoleRead, of: onVisible, do: func(d *doing) ([]string, error) {
			id := firn.NewID().String()
			var writes []firn.Write
			for _, s := range tableStreams {
				e := draft()
				e.CorrelationID = id
				writes = append(writes, firn.To(s, firn.Any, e))
			}
			if _, err := d.boss.Append(d.ctx, writes...); err != nil {
				return nil, err
			}
			return eventStreams(d.db.Read(d.ctx, firn.Query{Correlation: id, Limit: uint64(len(tableStreams))}))
		}},
		{name: "read by id", is: kinds(wire.KindRead), role: firn.RoleRead, of: onVisible, do: func(d *doing) ([]string, error) {
			e := draft()
			e.ID = firn.NewID()
			var writes []firn.Write
			for _, s := range tableStreams {
				writes = append(writes, firn.To(s, firn.Any, e))
			}
			if _, err := d.boss.Append(d.ctx, writes...); err != nil {
				return nil, err
			}
			return eventStreams(d.db.Read(d.ctx, firn.Query{ID: e.ID}))
		}},
		{name: "read the system's", is: kinds(wire.KindRead), role: firn.RoleRead, of: onSystem, do: reading(firn.Query{All: true, System: true})},
		{name: "read definitions", is: kinds(wire.KindRead), role: firn.RoleRead, of: onSystem, do: reading(firn.Query{Stream: firn.DefinitionsStream})},
		{name: "read limits", is: kinds(wire.KindRead), role: firn.RoleRead, of: onWhole, do: reading(firn.Query{Stream: firn.CategoriesStream})},
		{name: "subscribe", is: kinds(wire.KindSubscribe), role: firn.RoleRead, of: onStream, do: subscribing(firn.Query{Stream: "order-1"})},
		{name: "subscribe to what is not there", is: kinds(wire.KindSubscribe), role: firn.RoleRead, of: onStream, do: subscribing(firn.Query{Stream: "order-99"})},
		{name: "subscribe to all", is: kinds(wire.KindSubscribe), role: firn.RoleRead, of: onVisible, do: subscribing(firn.Query{All: true, Types: []string{"Put"}})},
		{name: "subscribe to a category", is: kinds(wire.KindSubscribe), role: firn.RoleRead, of: onCategory,
			do: subscribing(firn.Query{Category: "order", Types: []string{"Put"}})},
		{name: "subscribe to the system's", is: kinds(wire.KindSubscribe), role: firn.RoleRead, of: onSystem, do: subscribing(firn.Query{All: true, System: true})},
		{name: "stream", is: kinds(wire.KindStream), role: firn.RoleRead, of: onStream, do: only(func(d *doing) error {
			_, err := d.db.Stream(d.ctx, "order-1", firn.Point{})
			return err
		})},
		{name: "streams", is: kinds(wire.KindStreams), role: firn.RoleRead, of: onVisible, do: naming(firn.StreamQuery{})},
		{name: "streams of a category", is: kinds(wire.KindStreams), role: firn.RoleRead, of: onCategory, do: naming(firn.StreamQuery{Category: "order"})},
		{name: "streams by a beginning", is: kinds(wire.KindStreams), role: firn.RoleRead, of: onCategory, do: naming(firn.StreamQuery{Prefix: "order-"})},
		{name: "streams of the system", is: kinds(wire.KindStreams), role: firn.RoleRead, of: onSystem, do: naming(firn.StreamQuery{System: true})},
		{name: "head", is: kinds(wire.KindHead), role: firn.RoleRead, do: only(func(d *doing) error {
			_, _, err := d.db.Head(d.ctx, firn.Consistency{})
			return err
		})},
		{name: "resolve", is: kinds(wire.KindResolve), role: firn.RoleRead, do: only(func(d *doing) error {
			_, _, err := d.db.Resolve(d.ctx, firn.PositionPoint(1), firn.Consistency{})
			return err
		})},
		{name: "status", is: kinds(wire.KindStatus), role: firn.RoleRead, do: only(func(d *doing) error { _, err := d.db.Status(d.ctx, ""); return err })},
		{name: "stats", is: kinds(wire.KindStats), role: firn.RoleRead, of: onWhole, do: only(func(d *doing) error { _, err := d.db.Stats(d.ctx, ""); return err })},
		{name: "verify", is: kinds(wire.KindVerify), role: firn.RoleAdmin, do: only(func(d *doing) error { _, err := d.db.Verify(d.ctx, "", nil); return err })},
		{name: "count what could be scavenged", is: kinds(wire.KindScavenge), role: firn.RoleAdmin, do: only(func(d *doing) error {
			_, err := d.db.Scavengeable(d.ctx, "", nil)
			return err
		})},
		{name: "scavenge", is: kinds(wire.KindScavenge), role: firn.RoleAdmin, do: only(func(d *doing) error {
			_, err := d.db.Scavenge(d.ctx, firn.NewID(), nil)
			return err
		})},
		{name: "back up", is: kinds(wire.KindBackup), role: firn.RoleAdmin, do: only(func(d *doing) error {
			return d.db.Backup(d.ctx, "", client.BackupOptions{}, func(_ client.Node, _ uint64, image io.Reader) error {
				_, err := io.Copy(io.Discard, image)
				return err
			})
		})},
		{name: "add a node", is: kinds(wire.KindAddNode), role: firn.RoleAdmin, do: only(func(d *doing) error { return d.db.AddNode(d.ctx, "n9", "nowhere") })},
		{name: "remove a node", is: kinds(wire.KindRemoveNode), role: firn.RoleAdmin, do: only(func(d *doing) error { return d.db.RemoveNode(d.ctx, "n9") })},
		{name: "promote a node", is: kinds(wire.KindPromoteNode), role: firn.RoleAdmin, do: only(func(d *doing) error { return d.db.PromoteNode(d.ctx, "n9") })},
		{name: "transfer", is: kinds(wire.KindTransfer), role: firn.RoleAdmin, do: only(func(d *doing) error { return d.db.Transfer(d.ctx, "n9") })},
		{name: "load", is: kinds(wire.KindLoad), role: firn.RoleRead, of: onStream, do: func(d *doing) ([]string, error) {
			loaded, err := d.db.Load(d.ctx, firn.LoadQuery{Stream: "order-1", Fold: "f"})
			if err != nil {
				return nil, err
			}
			return eventStreams(loaded.Events)
		}},
		{name: "save a snapshot", is: kinds(wire.KindSaveSnapshot), role: firn.RoleWrite, of: onStream, do: only(func(d *doing) error {
			return d.db.SaveSnapshot(d.ctx, firn.Snapshot{Stream: "order-1", Fold: "f", State: []byte("{}")})
		})},
		{name: "state", is: kinds(wire.KindState), role: firn.RoleRead, of: onStream, do: only(func(d *doing) error { _, err := d.db.State(d.ctx, of); return err })},
		{name: "diff", is: kinds(wire.KindDiff), role: firn.RoleRead, of: onStream, do: only(func(d *doing) error {
			_, err := d.db.Diff(d.ctx, firn.DiffQuery{Stream: "order-1"})
			return err
		})},
		{name: "blame", is: kinds(wire.KindBlame), role: firn.RoleRead, of: onStream, do: only(func(d *doing) error {
			_, err := d.db.Blame(d.ctx, firn.BlameQuery{StateQuery: of})
			return err
		})},
		{name: "bisect", is: kinds(wire.KindBisect), role: firn.RoleRead, of: onStream, do: only(func(d *doing) error {
			_, err := d.db.Bisect(d.ctx, firn.BisectQuery{StateQuery: of, Where: ".n == 1"})
			return err
		})},
		{name: "define a fold", is: kinds(wire.KindDefine), role: firn.RoleAdmin, do: only(func(d *doing) error {
			_, err := d.db.Define(d.ctx, firn.FoldDefinition, "f", []byte("fold: f\ncategory: order\n\"on\": {\"*\": merge}\n"), firn.Any)
			return err
		})},
		{name: "define a user", is: kinds(wire.KindDefine), role: firn.RoleAdmin, do: only(func(d *doing) error {
			c := firn.UserChange{Role: firn.RoleRead}
			_, err := d.db.Define(d.ctx, firn.UserDefinition, "u", c.Source(), firn.Any)
			return err
		})},
		{name: "definitions", is: kinds(wire.KindDefinitions), role: firn.RoleRead, do: only(func(d *doing) error {
			_, err := d.db.Definitions(d.ctx, firn.FoldDefinition, firn.Point{})
			return err
		})},
		{name: "users", is: kinds(wire.KindDefinitions), role: firn.RoleAdmin, do: only(func(d *doing) error {
			_, err := d.db.Definitions(d.ctx, firn.UserDefinition, firn.Point{})
			return err
		})},
		{name: "versions of a user", is: kinds(wire.KindDefinitions), role: firn.RoleAdmin, do: only(func(d *doing) error {
			_, err := d.db.DefinitionVersions(d.ctx, firn.UserDefinition, "boss")
			return err
		})},
		{name: "create a group", is: kinds(wire.KindCreateGroup), role: firn.RoleWrite, of: onCategory, do: only(func(d *doing) error {
			_, err := d.db.CreateGroup(d.ctx, firn.Group{Name: d.group, Category: "order"})
			return err
		})},
		{name: "create a group of all", is: kinds(wire.KindCreateGroup), role: firn.RoleWrite, of: onWhole, do: only(func(d *doing) error {
			_, err := d.db.CreateGroup(d.ctx, firn.Group{Name: d.group, All: true})
			return err
		})},
		{name: "create a group of a stream", is: kinds(wire.KindCreateGroup), role: firn.RoleWrite, of: onStream, do: only(func(d *doing) error {
			_, err := d.db.CreateGroup(d.ctx, firn.Group{Name: d.group, Stream: "order-1"})
			return err
		})},
		{name: "update a group", is: kinds(wire.KindUpdateGroup), role: firn.RoleWrite, of: onGroup, do: only(func(d *doing) error {
			_, err := d.db.UpdateGroup(d.ctx, firn.Group{Name: d.group, Category: "order", MaxAttempts: 3})
			return err
		})},
		{name: "delete a group", is: kinds(wire.KindDeleteGroup), role: firn.RoleWrite, of: onGroup, do: only(func(d *doing) error {
			_, err := d.db.DeleteGroup(d.ctx, d.group)
			return err
		})},
		{name: "groups", is: kinds(wire.KindGroups), role: firn.RoleRead, do: only(func(d *doing) error { _, err := d.db.Groups(d.ctx); return err })},
		{name: "group", is: kinds(wire.KindGroup), role: firn.RoleRead, of: onGroup, do: only(func(d *doing) error {
			_, err := d.db.GroupInfo(d.ctx, d.group)
			return err
		})},
		{name: "consume and settle", is: kinds(wire.KindConsume, wire.KindSettle), role: firn.RoleWrite, of: onGroup, do: func(d *doing) (seen []string, err error) {
			u, err := d.db.Consume(d.ctx, d.group, 1)
			if err != nil {
				return nil, err
			}
			defer u.Close()
			for delivery, err := range u.Deliveries(d.ctx) {
				if err != nil {
					return seen, err
				}
				return []string{delivery.Event.Stream}, u.Settle(d.ctx, firn.Settlement{Token: delivery.Token, Outcome: firn.Ack})
			}
			return seen, nil
		}},
		{name: "parked", is: kinds(wire.KindParked), role: firn.RoleRead, of: onGroup, do: only(func(d *doing) error {
			for _, err := range d.db.Parked(d.ctx, d.group) {
				return err
			}
			return nil
		})},
		{name: "replay", is: kinds(wire.KindUnpark), role: firn.RoleWrite, of: onGroup, do: only(func(d *doing) error {
			_, err := d.db.Replay(d.ctx, d.group, firn.ParkedSelection{All: true})
			return err
		})},
		{name: "drop", is: kinds(wire.KindUnpark), role: firn.RoleWrite, of: onGroup, do: only(func(d *doing) error {
			_, err := d.db.Drop(d.ctx, d.group, firn.ParkedSelection{All: true})
			return err
		})},
		{name: "rewind", is: kinds(wire.KindRewind), role: firn.RoleWrite, of: onGroup, do: only(func(d *doing) error {
			_, err := d.db.Rewind(d.ctx, d.group, firn.StartPoint(), true)
			return err
		})},
		{name: "wait for a group", is: kinds(wire.KindWaitGroup), role: firn.RoleRead, of: onGroup, do: only(func(d *doing) error {
			_, err := d.db.WaitGroup(d.ctx, d.group, 0)
			return err
		})},
	}
}
