package wire

// ClusterStatus says who is in the cluster and how each node stands, as the
// node that answers sees it.
//
//	[leader str, term uint, cluster id, history id, cluster version uint,
//	 nodes: array of [id str, role str, up bool, address str, peer str, http str,
//	                  applied uint, lag uint, version str, disk free uint],
//	 access str]
type ClusterStatus struct {
	Leader  string // the node's id; "": there is none
	Term    uint64
	Cluster [16]byte
	History [16]byte
	Version uint64 // the cluster version, which gates commands
	Nodes   []NodeStatus
	Access  string // who may do what: open, certificates or users; docs/users.md
}

// NodeStatus is one node.
type NodeStatus struct {
	ID       string
	Role     string // voter, learner or replica
	Up       bool
	Address  string // for clients
	Peer     string // for nodes
	HTTP     string
	Applied  uint64 // Raft index
	Lag      uint64 // Raft entries behind the leader
	Version  string // of the software
	DiskFree uint64 // bytes
}

func (*ClusterStatus) Kind() Kind { return KindStatusIs }

func (m *ClusterStatus) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *ClusterStatus) write(w *writer) {
	w.array(7)
	w.string(m.Leader)
	w.uint(m.Term)
	w.id(m.Cluster)
	w.id(m.History)
	w.uint(m.Version)
	w.array(len(m.Nodes))
	for i := range m.Nodes {
		n := &m.Nodes[i]
		w.array(10)
		w.string(n.ID)
		w.string(n.Role)
		w.bool(n.Up)
		w.string(n.Address)
		w.string(n.Peer)
		w.string(n.HTTP)
		w.uint(n.Applied)
		w.uint(n.Lag)
		w.string(n.Version)
		w.uint(n.DiskFree)
	}
	w.string(m.Access)
}

func (m *ClusterStatus) parse(r *reader) {
	later := r.begin(7)
	m.Leader, m.Term = r.string(), r.uint()
	m.Cluster, m.History = r.id(), r.id()
	m.Version = r.uint()
	for range r.list(1024) {
		later := r.begin(10)
		m.Nodes = append(m.Nodes, NodeStatus{
			ID: r.string(), Role: r.string(), Up: r.bool(),
			Address: r.string(), Peer: r.string(), HTTP: r.string(),
			Applied: r.uint(), Lag: r.uint(), Version: r.string(), DiskFree: r.uint(),
		})
		r.end(later)
	}
	m.Access = r.string()
	r.end(later)
}

// AddNode adds a node to the cluster: a learner first, a voter once it has
// caught up. A node that says that it is a read replica stays one.
//
//	[node str, peer str]
type AddNode struct {
	Node string
	Peer string // its address for nodes
}

func (*AddNode) Kind() Kind { return KindAddNode }

func (m *AddNode) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *AddNode) write(w *writer) {
	w.array(2)
	w.string(m.Node)
	w.string(m.Peer)
}

func (m *AddNode) parse(r *reader) {
	later := r.begin(2)
	m.Node, m.Peer = r.string(), r.string()
	r.end(later)
}
