package projection_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/firndb/firn/client/projection"
)

// projecting, set in the environment of this test binary, makes it a program
// that projects into the database named, instead of running tests.
const projecting = "FIRN_TEST_PROJECTING"

// killed is how many events the program projects that is killed.
const killed generated = 20_000

func TestMain(m *testing.M) {
	if dsn := os.Getenv(projecting); dsn != "" {
		if err := project(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// project says a word when it begins, and ends when all is projected.
func project(dsn string) error {
	db, err := open(dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	options := quick
	options.BatchEvents, options.Takeover = 20, 10*time.Millisecond
	r, err := projection.New(db, killed, counting(everything), options)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	fmt.Println("begun")
	go func() {
		if _, err := r.WaitFor(ctx, 20_000); err == nil {
			cancel()
		}
	}()
	if err := <-ended; ctx.Err() == nil {
		return err
	}
	return nil
}

// The process is killed at random, again and again, until one gets to the end:
// then each event has been counted once.
func TestCrashKilled(t *testing.T) {
	dsn := database(t)
	dice := rand.New(rand.NewPCG(draw(t), 2))
	deaths := 0
	for last := false; ; {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), projecting+"="+dsn)
		command.Stderr = os.Stderr
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal("the program did not begin: ", err)
		}
		if last = deaths == 12; !last {
			time.AfterFunc(time.Duration(5+dice.IntN(60))*time.Millisecond, func() { command.Process.Kill() })
		}
		io.Copy(io.Discard, out)
		if err := command.Wait(); err == nil {
			break
		} else if last || command.ProcessState.Exited() {
			t.Fatal(err)
		}
		deaths++
	}
	db := connect(t, dsn)
	if d := shown(t, db).diff(killed.fold()); d != "" {
		t.Errorf("after %d deaths: %s", deaths, d)
	}
	t.Logf("killed %d times", deaths)
}
