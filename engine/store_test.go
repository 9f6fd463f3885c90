package engine_test

import (
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/enginetest"
	"github.com/firndb/firn/engine/storetest"
	"github.com/firndb/firn/engine/subscription"
)

// settings under which few events make many layers.
var small = []struct {
	name     string
	settings engine.Settings
}{
	{"layers of 8", engine.Settings{LayerEvents: 8, Window: 100}},
	{"layers of 64", engine.Settings{LayerEvents: 64, Window: 300}},
	{"layers of 2 KiB", engine.Settings{LayerBytes: 2 << 10, Window: 150}},
	{"as in nodes", engine.Settings{}},
}

// often makes checkpoints come as often as they may.
var often = subscription.Options{Distance: 1, Pause: time.Millisecond}

func TestStore(t *testing.T) {
	for _, with := range small {
		t.Run(with.name, func(t *testing.T) {
			settings := with.settings
			settings.Window = 0 // what the suite expects
			storetest.Run(t, func(t *testing.T) firn.Store {
				return enginetest.Open(t, enginetest.Options{Settings: settings, Subscription: often})
			})
		})
	}
}

func TestRandom(t *testing.T) {
	for _, with := range small {
		t.Run(with.name, func(t *testing.T) {
			var s *enginetest.Store
			options := []storetest.Option{storetest.Restart(40, func(t *testing.T) firn.Store {
				s.Crash(50)
				return s
			})}
			if with.settings.Window > 0 {
				options = append(options, storetest.Window(with.settings.Window))
			}
			storetest.Random(t, func(t *testing.T) firn.Store {
				s = enginetest.Open(t, enginetest.Options{Settings: with.settings, Subscription: often})
				return s
			}, 1000, options...)
		})
	}
}
