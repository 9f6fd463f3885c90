//go:build postgres

package projection_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
)

const driverName = "pgx"

var schemas atomic.Int64

// database returns a way to a new, empty schema of the PostgreSQL that
// FIRN_POSTGRES names, in the form "host=/tmp/socket user=postgres".
func database(t *testing.T) (dsn string) {
	t.Helper()
	server := os.Getenv("FIRN_POSTGRES")
	if server == "" {
		t.Fatal("FIRN_POSTGRES is not set; .ci/run postgres starts a server and sets it")
	}
	schema := fmt.Sprintf("t%d_%d", os.Getpid(), schemas.Add(1))
	db := connect(t, server)
	if _, err := db.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(server) + " search_path=" + schema
}
