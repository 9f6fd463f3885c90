// Package web is the HTTP door beside the TCP one: health for a load balancer
// or an orchestrator, and metrics for Prometheus.
//
//	GET /health/live   200 as long as the process can answer
//	GET /health/ready  200 when linearizable calls can be answered here, else 503 with the reason
//	GET /metrics       Prometheus text format; docs/operations.md lists the names
package web
