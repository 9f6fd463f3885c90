// Package certificate makes and reads the certificates by which the nodes and
// the users of a cluster know each other.
//
//	certificate.CreateAuthority(dir, now, certificate.AuthorityDays) // ca.crt, ca.key
//	a, err := certificate.OpenAuthority(dir)
//	a.Issue(dir, now, certificate.Request{Subject: certificate.Subject{Kind: certificate.Node, Name: "n1"}, Hosts: …})
//	certificate.List(dir, now)
//
// A certificate says whose it is by one URI among its alternative names:
// firn:node:n1 or firn:user:alice. Which cluster they are of is said by who
// has signed them: a cluster has an authority of its own. A node's certificate
// may be shown by both sides of a connection, a user's only by the one that
// connects.
//
// A directory holds PEM files with these names; what ends in .key is nobody's to
// read but the owner's.
//
//	ca.crt         the authorities that are trusted, one or more
//	ca.key         the key that signs, which no node needs
//	node-n1.crt    a node's certificate, and node-n1.key
//	user-alice.crt a user's certificate, and user-alice.key
//
// Keys are ECDSA P-256, which everything that speaks TLS 1.3 takes.
package certificate
