package main

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/internal/points"
)

// groupFlags are the settings of a consumer group.
type groupFlags struct {
	targetFlags
	selectFlags
	from        string
	unordered   bool
	onPark      string
	maxAttempts uint32
	lease       string
	inFlight    uint32
	retry       string
}

func (o *groupFlags) addTarget(f *pflag.FlagSet) {
	o.targetFlags.addFollowed(f)
	f.StringVar(&o.stream, "stream", "", "one stream")
	f.StringVar(&o.from, "from", "", "where it begins, a point in time (default: start)")
}

func (o *groupFlags) addSettings(f *pflag.FlagSet) {
	o.selectFlags.add(f)
	f.BoolVar(&o.unordered, "unordered", false, "deliver a stream's next event without waiting for the answer to the one before")
	f.StringVar(&o.onPark, "on-park", "stop", "what a parked event does to those behind it in its stream: stop or continue")
	f.Uint32Var(&o.maxAttempts, "max-attempts", 10, "deliveries of an event before it is parked")
	f.StringVar(&o.lease, "lease", "30s", "how long a consumer may take for an event before it is delivered to another")
	f.Uint32Var(&o.inFlight, "in-flight", 256, "deliveries that one consumer may hold at a time")
	f.StringVar(&o.retry, "retry", "1s..5m", "the wait before the second attempt, which doubles with each further one, and the longest")
}

// group makes a group of the flags.
func (o *groupFlags) group(c *console, name string) (g firn.Group, err error) {
	q, err := o.targetFlags.query()
	if err != nil {
		return g, usage("%s", strings.Replace(err.Error(), "STREAM,", "--stream S,", 1))
	}
	g = firn.Group{Name: name, Stream: q.Stream, Category: q.Category, All: q.All}
	if g.From, err = points.Parse("--from", o.from, g.Stream != "", c.now()); err != nil {
		return g, err
	}
	return g, o.settings(&g)
}

// settings reads those flags that can be changed later.
func (o *groupFlags) settings(g *firn.Group) (err error) {
	g.Types, g.TypePrefixes, g.StreamPrefixes = o.types, o.typePrefixes, o.streamPrefixes
	g.Unordered = o.unordered
	switch o.onPark {
	case "stop":
		g.OnPark = firn.ParkStops
	case "continue":
		g.OnPark = firn.ParkContinues
	default:
		return usage("--on-park %q; want stop or continue", o.onPark)
	}
	for _, n := range []struct {
		flag string
		is   uint32
	}{{"--max-attempts", o.maxAttempts}, {"--in-flight", o.inFlight}} {
		if n.is == 0 {
			return usage("%s 0; want 1 or more", n.flag)
		}
	}
	g.MaxAttempts, g.InFlight = o.maxAttempts, o.inFlight
	if g.Lease, err = parseSpan("--lease", o.lease); err != nil {
		return err
	}
	least, most, both := strings.Cut(o.retry, "..")
	if !both {
		return usage("--retry %q; want the shortest and the longest wait, like 1s..5m", o.retry)
	}
	if g.RetryMin, err = parseSpan("--retry", least); err == nil {
		g.RetryMax, err = parseSpan("--retry", most)
	}
	if err == nil && g.RetryMax < g.RetryMin {
		err = usage("--retry %s: the longest wait is shorter than the shortest", o.retry)
	}
	return err
}

func parseSpan(flag, text string) (time.Duration, error) {
	d, err := points.ParseSpan(text)
	if err != nil {
		return 0, usage("%s: %v", flag, err)
	}
	if d < time.Microsecond {
		return 0, usage("%s %s; want a time above 0", flag, text)
	}
	return d, nil
}

// change puts the settings that are given in the place of the group's own.
func (o *groupFlags) change(f *pflag.FlagSet, g, given *firn.Group) {
	for flag, change := range map[string]func(){
		"types":         func() { g.Types = given.Types },
		"type-prefix":   func() { g.TypePrefixes = given.TypePrefixes },
		"stream-prefix": func() { g.StreamPrefixes = given.StreamPrefixes },
		"unordered":     func() { g.Unordered = given.Unordered },
		"on-park":       func() { g.OnPark = given.OnPark },
		"max-attempts":  func() { g.MaxAttempts = given.MaxAttempts },
		"lease":         func() { g.Lease = given.Lease },
		"in-flight":     func() { g.InFlight = given.InFlight },
		"retry":         func() { g.RetryMin, g.RetryMax = given.RetryMin, given.RetryMax },
	} {
		if f.Changed(flag) {
			change()
		}
	}
}

// groupFields are a group's settings. In JSON, what it follows is the one of
// stream, category and all that is set.
func groupFields(g *firn.Group) []field {
	follows := field{"follows", "all", []byte(`{"all":true}`)}
	for _, target := range []struct{ kind, name string }{{"stream", g.Stream}, {"category", g.Category}} {
		if target.name != "" {
			var o jsonline.Object
			o.String(target.kind, target.name)
			follows = field{"follows", target.kind + " " + target.name, o.Bytes()}
		}
	}
	onPark := "stop"
	if g.OnPark == firn.ParkContinues {
		onPark = "continue"
	}
	from := g.From.String()
	if g.From.IsZero() {
		from = "start"
	}
	return []field{
		str("group", g.Name), follows, list("types", g.Types), list("type_prefixes", g.TypePrefixes), list("stream_prefixes", g.StreamPrefixes),
		str("from", from), boolean("ordered", !g.Unordered), str("on_park", onPark), num("max_attempts", g.MaxAttempts),
		str("lease", g.Lease.String()), num("in_flight_max", g.InFlight), str("retry_min", g.RetryMin.String()), str("retry_max", g.RetryMax.String()),
	}
}

func list(name string, all []string) field {
	quoted := make([][]byte, len(all))
	for i, one := range all {
		quoted[i] = jsonline.AppendString(nil, one)
	}
	return field{name, strings.Join(all, ","), jsonline.List(quoted)}
}

// groupInfoFields are a group's settings and where it stands.
func groupInfoFields(i *firn.GroupInfo) []field {
	return append(groupFields(&i.Group),
		num("passed", i.Passed), num("head", i.Head), num("lag", i.Lag), boolean("lag_exact", i.LagExact), decimal("lag_seconds", i.LagTime.Seconds()),
		num("in_flight", i.InFlight), num("retrying", i.Retrying), num("parked", i.Parked), num("waiting_streams", i.Waiting), num("consumers", i.Consumers),
		decimal("delivered_per_s", i.Delivered), decimal("settled_per_s", i.Settled),
	)
}

// decimal prints a number to the third digit behind the point.
func decimal(name string, v float64) field {
	text := strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
	return field{name, text, []byte(text)}
}
