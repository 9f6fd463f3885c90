// Command peers runs the workloads of `firn bench` on the systems that people
// would otherwise choose, and on Firn itself, in one run on one machine.
//
//	./run                                                  install what is needed, measure everything
//	go run . --systems firn,jetstream --rows append-1      some of it
//	go run . --syncs                                       show that answers come after syncs
//
// Every system is made into a firn.Store as its own documentation advises it to be
// used for events (system.go; each file names the pages), and package bench
// drives that store: the same data, clients, checks, floors and latencies for all.
// Every figure has a store of its own, started for it and removed afterwards; once
// it is measured everything is read and held against what was acknowledged
// (check.go). All nodes are on this machine, all data in --dir. What the products
// written in Go need of nodes runs in this process, as Firn's does; Redis and
// PostgreSQL are processes of their own.
//
// It is a module of its own, so that whoever uses Firn downloads none of this.
package main
