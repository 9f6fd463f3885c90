package engine

import (
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/internal/plainlog"
)

// Options configure a node's own engine. Nothing in here changes what apply
// answers; what does is in Settings.
type Options struct {
	FS         vfs.FS       // nil: vfs.Default
	CacheBytes int64        // Pebble's blocks, decoded layers and stream states together; 0: 256 MiB. What is not flushed yet takes up to 192 MiB beside it
	Logger     *slog.Logger // nil: slog.Default
	OnFatal    func(error)  // the store cannot go on, for example after a disk write error; called at most once; nil: only logged
	OnDamage   func(error)  // damage was found in the store's files; whoever read there gets the error too. It may be called often, under locks, and must return at once; nil: only logged
	ReadOnly   bool         // to verify a store that nobody uses: its files stay as they are, and nothing can be applied
	Settings   Settings     // only used when the store is created
	Knows      uint64       // the highest cluster version that this node can do; 0: command.VersionNow; tests claim a later one
}

// Settings are the limits that apply looks at. They are part of the replicated
// state: written with the first entry, the same on every replica, and never
// changed by a node's configuration afterwards. Zero means the default.
type Settings struct {
	LayerEvents int    // a layer closes once it holds this many events; 65,536
	LayerBytes  int    // or this many bytes of records; 32 MiB
	Window      uint64 // positions within which a repetition is recognised; 4 Mi
}

const (
	cacheBytesDefault = 256 << 20
	cacheBytesMin     = 1 << 20

	layerEventsDefault = 65_536
	layerEventsMax     = 1 << 24 // places are packed with a kind in the tables of ids
	layerBytesDefault  = 32 << 20
	layerBytesMax      = 1 << 30 // blocks and offsets within a layer are 32 bits wide
	windowDefault      = 4 << 20
	windowMax          = 1 << 32
)

// withDefaults returns the options filled in, or what is wrong with them.
func (o Options) withDefaults() (Options, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = cacheBytesDefault
	}
	if o.CacheBytes < cacheBytesMin {
		return o, firn.Errorf(firn.ErrInvalid, "a cache of %d bytes; give it at least %d, or 0 for %d", o.CacheBytes, cacheBytesMin, cacheBytesDefault)
	}
	if o.Knows == 0 {
		o.Knows = command.VersionNow
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = plainlog.Logger(o.Logger) // a node's is plain already; "firn verify --dir" opens an engine by itself
	if o.OnFatal == nil {
		o.OnFatal = func(error) {}
	}
	if log := o.Logger; o.OnDamage == nil {
		o.OnDamage = func(err error) { log.Error("damage found", "error", err) }
	}
	var err error
	o.Settings, err = o.Settings.withDefaults()
	return o, err
}

func (s Settings) withDefaults() (Settings, error) {
	if s.LayerEvents == 0 {
		s.LayerEvents = layerEventsDefault
	}
	if s.LayerBytes == 0 {
		s.LayerBytes = layerBytesDefault
	}
	if s.Window == 0 {
		s.Window = windowDefault
	}
	if s.LayerEvents < 1 || s.LayerEvents > layerEventsMax || s.LayerBytes < 1 || s.LayerBytes > layerBytesMax || s.Window > windowMax {
		return s, firn.Errorf(firn.ErrInvalid, "layers of %d events or %d bytes and a window of %d positions; at most %d, %d and %d are allowed",
			s.LayerEvents, s.LayerBytes, s.Window, layerEventsMax, layerBytesMax, uint64(windowMax))
	}
	return s, nil
}
