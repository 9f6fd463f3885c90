package wire

import (
	"encoding/binary"
	"math"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/firndb/firn"
)

// Consume joins a group. The node answers with Deliveries frames as events
// become due, as far as the credit reaches and as many unsettled at a time as
// the group and the consumer allow. The first of them comes at once, empty where
// nothing is due: it says that the consumer is there. The call goes on until the
// client sends Cancel, for which the node sends End, or an error ends it. When
// it ends, in whichever way, the node gives what is not settled to others.
//
//	[group str, in flight uint, credit uint]
type Consume struct {
	Group    string
	InFlight uint32 // deliveries that the consumer will hold unsettled; 0: as many as the group allows
	Credit   uint64 // bytes; see Credit
}

func (*Consume) Kind() Kind { return KindConsume }

func (m *Consume) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Consume) write(w *writer) {
	w.array(3)
	w.string(m.Group)
	w.uint(uint64(m.InFlight))
	w.uint(m.Credit)
}

func (m *Consume) parse(r *reader) {
	later := r.begin(3)
	m.Group, m.InFlight, m.Credit = r.string(), r.uint32(), r.uint()
	r.end(later)
}

// Deliveries hands events to a consumer.
//
//	[deliveries: array of [stream str, epoch uint, number uint, attempt uint, replay bool, record bin,
//	                       fault nil or [kind uint, message str]]]
type Deliveries struct{ Items []Delivery }

// Delivery is one event, with the token that answers it.
type Delivery struct {
	Stream  string
	Token   firn.Token
	Attempt uint32
	Replay  bool
	Record  []byte         // node part and client part
	Fault   *DeliveryFault // why the event could not be shown in today's shape; nil: it is
}

// DeliveryFault is why an event comes as it is stored.
type DeliveryFault struct {
	Kind    firn.Kind
	Message string
}

// deliveriesMax bounds the deliveries of one frame. Nodes send fewer.
const deliveriesMax = 1 << 16

func (*Deliveries) Kind() Kind { return KindDeliveries }

func (m *Deliveries) AppendBody(dst []byte) []byte {
	w := beginDeliveries(dst)
	for i := range m.Items {
		w.Add(&m.Items[i])
	}
	w.endItems()
	return w.Buf
}

func (m *Deliveries) parse(r *reader) {
	later := r.begin(1)
	for range r.list(deliveriesMax) {
		later := r.begin(7)
		m.Items = append(m.Items, Delivery{
			Stream: r.string(), Token: r.token(), Attempt: r.uint32(), Replay: r.bool(), Record: r.bin(), Fault: r.fault(),
		})
		r.end(later)
		if r.failed != "" {
			return
		}
	}
	r.end(later)
}

func (r *reader) fault() *DeliveryFault {
	if r.isNil() {
		return nil
	}
	later := r.begin(2)
	f := &DeliveryFault{Kind: firn.Kind(min(r.uint(), math.MaxUint8)), Message: r.string()}
	r.end(later)
	return f
}

func (w *writer) token(t firn.Token) {
	w.uint(t.Epoch)
	w.uint(t.Number)
}

func (r *reader) token() firn.Token { return firn.Token{Epoch: r.uint(), Number: r.uint()} }

// DeliveriesWriter makes one Deliveries frame in Buf, without a copy of the
// records apart. It begins with BeginDeliveries, and the frame is whole after
// End.
type DeliveriesWriter struct {
	Buf   []byte
	frame int // where the frame begins
	items int // where the items' count stands
	count uint32
}

// BeginDeliveries begins a Deliveries frame behind what dst holds.
func BeginDeliveries(dst []byte, call uint64) DeliveriesWriter {
	frame := len(dst)
	w := beginDeliveries(BeginFrame(dst, KindDeliveries, call))
	w.frame = frame
	return w
}

func beginDeliveries(dst []byte) DeliveriesWriter {
	dst = append(appendArray(dst, 1), msgpcode.Array32, 0, 0, 0, 0)
	return DeliveriesWriter{Buf: dst, items: len(dst) - 4}
}

// Add adds a delivery. Its bytes are copied.
func (w *DeliveriesWriter) Add(d *Delivery) {
	b := appendString(appendArray(w.Buf, 7), d.Stream)
	b = appendUint(appendUint(b, d.Token.Epoch), d.Token.Number)
	b = appendUint(b, uint64(d.Attempt))
	replay := msgpcode.False
	if d.Replay {
		replay = msgpcode.True
	}
	b = appendBin(append(b, replay), d.Record)
	if f := d.Fault; f == nil {
		b = append(b, msgpcode.Nil)
	} else {
		b = appendString(appendUint(appendArray(b, 2), uint64(f.Kind)), f.Message)
	}
	w.Buf = b
	w.count++
}

// Count returns how many deliveries were added.
func (w *DeliveriesWriter) Count() int { return int(w.count) }

// Bytes returns the size of the frame so far.
func (w *DeliveriesWriter) Bytes() int { return len(w.Buf) - w.frame }

// End makes the frame whole.
func (w *DeliveriesWriter) End() {
	w.endItems()
	EndFrame(w.Buf, w.frame)
}

func (w *DeliveriesWriter) endItems() { binary.BigEndian.PutUint32(w.Buf[w.items:], w.count) }
