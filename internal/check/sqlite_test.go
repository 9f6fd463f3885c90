//go:build !postgres

package check_test

import (
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"
)

const driverName = "sqlite"

// database returns where a new, empty database is. With the build tag postgres
// it is another one, see postgres_test.go.
func database(t *testing.T) (dsn string) {
	return "file:" + filepath.Join(t.TempDir(), "model.db") + "?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
}
