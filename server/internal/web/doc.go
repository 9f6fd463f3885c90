// Package web is the HTTP door beside the TCP one, for people and programs
// without a client, for a load balancer and for Prometheus. docs/http.md is its
// manual, openapi.yaml describes it to programs; a test holds both against the
// routes.
//
//	POST /streams/{name}          append CloudEvents, or JSON
//	GET  /streams/{name}          read a stream, or follow it
//	GET  /all                     read everything, or follow it
//	GET  /categories/{category}   read a category, or follow it
//	GET  /health/live             200 as long as the process can answer
//	GET  /health/ready            200 when linearizable calls can be answered here, else 503 with the reason
//	GET  /metrics                 Prometheus text format; docs/operations.md lists the names
//	GET  /openapi.json, .yaml     this door, described to programs
//
// Every request is a goroutine of net/http's. What one of them may hold is
// bounded: a body by its limit and by a budget that all share, an answer by one
// buffer, which is written before the next event is read. A client that does not
// read is cut off after a while.
package web
