package servertest_test

import (
	"testing"

	"github.com/firndb/firn/server/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }
