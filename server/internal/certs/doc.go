// Package certs holds a node's certificates, and says what its ports speak with
// them.
//
//	certificates, err := certs.Open(dir, "n1", logger)
//	go certificates.Watch(ctx)
//	tls.Server(conn, certificates.Clients("http/1.1"))
//
// The files (package internal/certificate has their names) are read anew while
// the node runs. Connections that exist go on with what they began with. New
// files that cannot be used change nothing.
//
// Whose a certificate is, as far as callers go, is said by package security.
package certs
