//go:build postgres

package check_test

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
)

const driverName = "pgx"

// database returns a way to a new, empty schema of the PostgreSQL that
// FIRN_POSTGRES names, in the form "host=/tmp/socket user=postgres".
func database(t *testing.T) (dsn string) {
	t.Helper()
	server := os.Getenv("FIRN_POSTGRES")
	if server == "" {
		t.Fatal("FIRN_POSTGRES is not set; .ci/run postgres starts a server and sets it")
	}
	db, err := sql.Open(driverName, server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	schema := fmt.Sprintf("check%d", os.Getpid())
	if _, err := db.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(server) + " search_path=" + schema
}
