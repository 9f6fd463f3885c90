package web

import (
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/firndb/firn"
)

// Figures is what a node reads off itself when it is asked for its metrics.
type Figures struct {
	Head     firn.Position
	Events   uint64
	Streams  uint64
	Layers   uint64
	Leader   bool
	Role     string // "": no member
	Term     uint64
	Commit   uint64 // Raft index
	Applied  uint64 // Raft index
	DiskFree uint64
	DiskUsed uint64
	Caches   []Cache
	Groups   []Group // while the node leads

	Certificates        []Certificate // none without TLS
	CertificatesRefused bool

	Connections   int
	CallsRunning  int
	Subscriptions int
}

// Cache is one cache's counters since the node started.
type Cache struct {
	Name         string
	Hits, Misses uint64
}

// Certificate is how long one of the node's certificates is still good.
type Certificate struct {
	Name string
	Days int // below 0: it has expired
}

// Group is where one consumer group stands.
type Group struct {
	Name     string
	Lag      uint64        // events
	LagTime  time.Duration // age of the oldest unsettled event
	Parked   uint64
	InFlight uint64
}

// Metrics holds a node's metrics. All methods may be called from many
// goroutines at once.
type Metrics struct {
	registry *prometheus.Registry
	append   *prometheus.HistogramVec
	events   prometheus.Counter
	sync     prometheus.Histogram
	requests *prometheus.CounterVec
	answer   *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	damaged  prometheus.Gauge
	scrubbed prometheus.Counter

	followers prometheus.Gauge
}

// latencies reach from a memory write to a disk that hangs.
var latencies = prometheus.ExponentialBucketsRange(50e-6, 10, 24)

// NewMetrics returns metrics that call figures at every scrape; it may answer
// false while the node has no replica.
func NewMetrics(figures func() (Figures, bool)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		append: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "firn_append_seconds", Buckets: latencies,
			Help: "Time from an append's arrival to its answer, by result (ok, or the kind of error).",
		}, []string{"result"}),
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "firn_appended_events_total", Help: "Events that callers of this node appended.",
		}),
		sync: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "firn_sync_seconds", Buckets: latencies,
			Help: "Time that a synced write of the Raft log took on this node's disk.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "firn_http_requests_total", Help: "HTTP requests that were answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		answer: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "firn_http_answer_seconds", Buckets: latencies,
			Help: "Time from an HTTP request's arrival to the first byte of its answer, by route.",
		}, []string{"route"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "firn_refused_total", Help: "Calls that their callers may not make, by kind: unauthenticated (nobody that is known) or forbidden.",
		}, []string{"kind"}),
		damaged: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "firn_damaged", Help: "1 where damage was found in this node's store, else 0.",
		}),
		scrubbed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "firn_scrubbed_bytes_total", Help: "Bytes of this node's data that were read for damage in the background.",
		}),
		followers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "firn_http_subscriptions", Help: "Subscriptions over HTTP that are being followed.",
		}),
	}
	m.registry.MustRegister(m.append, m.events, m.sync, m.requests, m.answer, m.refused, m.damaged, m.scrubbed, m.followers, gauges{figures},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Appended records an append that was answered.
func (m *Metrics) Appended(events int, took time.Duration, err *firn.Error) {
	result := "ok"
	if err != nil {
		result = err.Kind.String()
	} else {
		m.events.Add(float64(events))
	}
	m.append.WithLabelValues(result).Observe(took.Seconds())
}

// Synced records a synced write of the Raft log.
func (m *Metrics) Synced(took time.Duration) { m.sync.Observe(took.Seconds()) }

// Refused records a call that its caller may not make.
func (m *Metrics) Refused(k firn.Kind) { m.refused.WithLabelValues(k.String()).Inc() }

// Damaged says that damage was found in the store.
func (m *Metrics) Damaged() { m.damaged.Set(1) }

// Scrubbed records bytes that were read for damage.
func (m *Metrics) Scrubbed(bytes int) { m.scrubbed.Add(float64(bytes)) }

// answered records an HTTP request. One without an answer lost its client.
func (m *Metrics) answered(route, method string, a *answer) {
	status := "none"
	if a.status != 0 {
		status = strconv.Itoa(a.status)
		m.answer.WithLabelValues(route).Observe(a.began.Sub(a.start).Seconds())
	}
	if !slices.Contains([]string{"GET", "HEAD", "POST"}, method) {
		method = "other" // a client could make up any number of them
	}
	m.requests.WithLabelValues(route, method, status).Inc()
}

type gauges struct {
	figures func() (Figures, bool)
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	headDesc        = describe("firn_head_position", "Last position that readers on this node may see.")
	eventsDesc      = describe("firn_events", "Events ever written to the store, the system's own apart.")
	streamsDesc     = describe("firn_streams", "Streams ever written to, the system's own apart.")
	layersDesc      = describe("firn_layers", "Sealed layers in the store.")
	leaderDesc      = describe("firn_leader", "1 where this node leads, else 0.")
	roleDesc        = describe("firn_role", "1, by what the node is in its cluster: voter, learner or replica.", "role")
	termDesc        = describe("firn_raft_term", "Raft term of this node.")
	commitDesc      = describe("firn_raft_commit_index", "Raft index that this node knows as committed.")
	appliedDesc     = describe("firn_raft_applied_index", "Raft index that this node has applied.")
	lagDesc         = describe("firn_raft_applied_lag", "Committed Raft entries that this node has yet to apply.")
	diskFreeDesc    = describe("firn_disk_free_bytes", "Free bytes on the data directory's file system.")
	diskUsedDesc    = describe("firn_disk_used_bytes", "Bytes that the engine's files take.")
	cacheHitsDesc   = describe("firn_cache_hits_total", "Look-ups that a cache answered.", "cache")
	cacheMissDesc   = describe("firn_cache_misses_total", "Look-ups that a cache could not answer.", "cache")
	groupLagDesc    = describe("firn_group_lag_events", "Events that a consumer group has yet to settle; an estimate while it is far behind. On the leader.", "group")
	groupTimeDesc   = describe("firn_group_lag_seconds", "Age of the oldest event that a consumer group has yet to settle. On the leader.", "group")
	groupParkedDesc = describe("firn_group_parked_events", "Events that a consumer group has set aside for somebody to look at. On the leader.", "group")
	groupFlightDesc = describe("firn_group_in_flight", "Deliveries of a consumer group that are not settled yet. On the leader.", "group")
	certDaysDesc    = describe("firn_certificate_days_left", "Days until a certificate of this node expires, rounded down; below 0: it has.", "certificate")
	certRefusedDesc = describe("firn_certificates_refused", "1 where certificates were replaced by some that cannot be used, and the node goes on with the old ones.")
	connectionsDesc = describe("firn_connections", "Client connections.")
	callsDesc       = describe("firn_calls_running", "Client calls in flight.")
	followDesc      = describe("firn_subscriptions", "Open subscriptions.")
)

// Describe sends no descriptions, which makes the collector an unchecked one:
// while the node has no replica, there is nothing to collect.
func (gauges) Describe(chan<- *prometheus.Desc) {}

func (g gauges) Collect(out chan<- prometheus.Metric) {
	f, ok := g.figures()
	if !ok {
		return
	}
	gauge := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	gauge(headDesc, float64(f.Head))
	gauge(eventsDesc, float64(f.Events))
	gauge(streamsDesc, float64(f.Streams))
	gauge(layersDesc, float64(f.Layers))
	leader := 0.0
	if f.Leader {
		leader = 1
	}
	gauge(leaderDesc, leader)
	if f.Role != "" {
		out <- prometheus.MustNewConstMetric(roleDesc, prometheus.GaugeValue, 1, f.Role)
	}
	gauge(termDesc, float64(f.Term))
	gauge(commitDesc, float64(f.Commit))
	gauge(appliedDesc, float64(f.Applied))
	gauge(lagDesc, float64(max(f.Commit, f.Applied)-f.Applied))
	gauge(diskFreeDesc, float64(f.DiskFree))
	gauge(diskUsedDesc, float64(f.DiskUsed))
	for _, c := range f.Caches {
		out <- prometheus.MustNewConstMetric(cacheHitsDesc, prometheus.CounterValue, float64(c.Hits), c.Name)
		out <- prometheus.MustNewConstMetric(cacheMissDesc, prometheus.CounterValue, float64(c.Misses), c.Name)
	}
	for _, group := range f.Groups {
		of := func(d *prometheus.Desc, v float64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, group.Name)
		}
		of(groupLagDesc, float64(group.Lag))
		of(groupTimeDesc, group.LagTime.Seconds())
		of(groupParkedDesc, float64(group.Parked))
		of(groupFlightDesc, float64(group.InFlight))
	}
	for _, c := range f.Certificates {
		out <- prometheus.MustNewConstMetric(certDaysDesc, prometheus.GaugeValue, float64(c.Days), c.Name)
	}
	if len(f.Certificates) > 0 {
		refused := 0.0
		if f.CertificatesRefused {
			refused = 1
		}
		gauge(certRefusedDesc, refused)
	}
	gauge(connectionsDesc, float64(f.Connections))
	gauge(callsDesc, float64(f.CallsRunning))
	gauge(followDesc, float64(f.Subscriptions))
}
