package wire

// ClusterStatus says who is in the cluster and how each node stands, as the
// node that answers sees it.
//
//	[leader str, term uint, cluster id, history id, cluster version uint,
//	 nodes: array of [id str, role str, up bool, address str, peer str, http str,
//	                  applied uint, lag uint, version str, disk free uint]]
type ClusterStatus struct {
	Leader  string // the node's id; "": there is none
	Term    uint64
	Cluster [16]byte
	History [16]byte
	Version uint64 // the cluster version, which gates commands
	Nodes   []NodeStatus
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

func (m *ClusterStatus) AppendBody(dst []byte) []byte {
	dst = appendString(appendArray(dst, 6), m.Leader)
	dst = appendUint(dst, m.Term)
	dst = appendID(dst, m.Cluster)
	dst = appendID(dst, m.History)
	dst = appendUint(dst, m.Version)
	dst = appendArray(dst, len(m.Nodes))
	for i := range m.Nodes {
		n := &m.Nodes[i]
		dst = appendString(appendArray(dst, 10), n.ID)
		dst = appendString(dst, n.Role)
		dst = appendBool(dst, n.Up)
		dst = appendString(dst, n.Address)
		dst = appendString(dst, n.Peer)
		dst = appendString(dst, n.HTTP)
		dst = appendUint(dst, n.Applied)
		dst = appendUint(dst, n.Lag)
		dst = appendString(dst, n.Version)
		dst = appendUint(dst, n.DiskFree)
	}
	return dst
}

func (m *ClusterStatus) parse(r *reader) {
	later := r.begin(6)
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
	r.end(later)
}

// AddNode adds a node to the cluster: a learner first, a voter once it has
// caught up.
//
//	[node str, peer str]
type AddNode struct {
	Node string
	Peer string // its address for nodes
}

func (*AddNode) Kind() Kind { return KindAddNode }

func (m *AddNode) AppendBody(dst []byte) []byte {
	return appendString(appendString(appendArray(dst, 2), m.Node), m.Peer)
}

func (m *AddNode) parse(r *reader) {
	later := r.begin(2)
	m.Node, m.Peer = r.string(), r.string()
	r.end(later)
}
