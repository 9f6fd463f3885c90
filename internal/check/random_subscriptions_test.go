package check_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/enginetest"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/testenv"
)

// TestRandomSubscriptions has subscribers come and go on one engine.
func TestRandomSubscriptions(t *testing.T) {
	seed := testenv.Seed(t)
	for i := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			if err := subscribeOnce(t, seed+i); err != nil {
				t.Error(err)
			}
		})
	}
}

// subscribeOnce appends beside three subscribers, who come and go, and checks
// what they have heard.
func subscribeOnce(t *testing.T, seed uint64) error {
	store := enginetest.Open(t, enginetest.Options{Settings: engine.Settings{LayerEvents: 32}})
	r := dice(seed, 0)
	ids := []firn.ID{firn.NewID()}
	append1 := func() {
		n := 1 + r.IntN(3)
		if r.IntN(6) == 0 { // an id that another stream has
			id := ids[r.IntN(len(ids))]
			store.Append(t.Context(), firn.To(fmt.Sprint("c-", id), firn.Any, firn.Draft{ID: id, Type: "T"}))
			return
		}
		var drafts []firn.Draft
		for range n {
			ids = append(ids, firn.NewID())
			drafts = append(drafts, firn.Draft{ID: ids[len(ids)-1], Type: []string{"T", "U"}[r.IntN(2)]})
		}
		if _, err := store.Append(t.Context(), firn.To(fmt.Sprintf("%c-%d", 'a'+rune(r.IntN(2)), r.IntN(3)), firn.Any, drafts...)); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		append1()
	}
	head, _, _ := store.Head(t.Context(), firn.Consistency{})
	all := []*subscriber{
		{Listening: check.Listening{Heard: check.Heard{Query: firn.Query{All: true}, Start: 1}}},
		{Listening: check.Listening{Heard: check.Heard{Query: firn.Query{Category: "a", Types: []string{"T"}}, Start: 1}}},
		{Listening: check.Listening{Heard: check.Heard{Query: firn.Query{All: true, From: firn.EndPoint()}, Start: head + 1}}},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	done := make(chan struct{}, len(all))
	for i, s := range all {
		s.rand, s.leave, s.pause = dice(seed, uint64(i+1)), 8, 20*time.Millisecond
		go func() {
			s.run(ctx, store)
			done <- struct{}{}
		}()
	}
	synctest.Wait()
	for range 60 {
		append1()
		time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
	}
	head, _, _ = store.Head(t.Context(), firn.Consistency{})
	var log check.Log
	for e, err := range store.Read(t.Context(), firn.Query{All: true, System: true}) {
		if err != nil {
			t.Fatal(err)
		}
		log.Events = append(log.Events, e)
	}
	for _, s := range all {
		s.EndAt(head)
	}
	go func() { // who waits for an event that has been lost hears nothing more
		wait(ctx, time.Minute)
		cancel()
	}()
	for range all {
		<-done
	}
	for _, s := range all {
		if s.fatal != nil {
			return s.fatal
		}
		if err := s.Heard.Check(&log); err != nil {
			return err
		}
		if !s.Told() {
			return &check.Fault{Check: check.Gap, Text: s.Heard.String() + " hears nothing more"}
		}
	}
	return nil
}
