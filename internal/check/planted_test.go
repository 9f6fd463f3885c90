//go:build planted

package check_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn/internal/planted"
	"github.com/firndb/firn/internal/testenv"
)

// How long a bug may stay uncaught, and one run may take.
const (
	plantedBudget = 5 * time.Minute
	runTimeout    = 4 * time.Minute
)

// TestPlanted plants each bug in turn, and runs the test that is to catch it with
// one new seed after the other until it does. Without a bug, the same runs find
// nothing. The tests are processes of their own, so that a bug may end them.
func TestPlanted(t *testing.T) {
	seed := testenv.Seed(t)
	binaries := buildTests(t)
	var mu sync.Mutex
	var table []string
	silent := map[*tier]uint64{} // a seed by which a tier has caught a bug
	t.Run("bugs", func(t *testing.T) {
		for i := range plantedBugs {
			b := &plantedBugs[i]
			t.Run(string(b.bug), func(t *testing.T) {
				t.Parallel()
				c, found := b.until(t, binaries, seed+uint64(i)<<32)
				if !found {
					return
				}
				t.Logf("again: FIRN_PLANTED=%s %s", b.bug, b.by.command(c.seed))
				mu.Lock()
				defer mu.Unlock()
				silent[b.by] = c.seed
				table = append(table, c.String())
			})
		}
	})
	slices.Sort(table)
	t.Logf("%d of %d bugs were caught:\n%s", len(table), len(plantedBugs), strings.Join(table, "\n"))
	t.Run("none", func(t *testing.T) {
		for tier, seed := range silent {
			t.Run(tier.name, func(t *testing.T) {
				t.Parallel()
				if output, passed := tier.run(t, binaries, "", seed); !passed {
					t.Errorf("without a bug, seed %d:\n%s", seed, output)
				}
			})
		}
	})
}

// catch is how a bug was caught.
type catch struct {
	*plantedBug
	seed uint64
	runs int
	took time.Duration
	by   []string // the checks
}

func (c *catch) String() string {
	var seen []string
	for _, i := range c.seen {
		seen = append(seen, i.name)
	}
	return fmt.Sprintf("%-26s seed %20d  %5.1f s in %2d runs, by %s: %s; as in %s",
		c.bug, c.seed, c.took.Seconds(), c.runs, c.plantedBug.by.name, strings.Join(c.by, ", "), strings.Join(append(seen, "–")[:max(1, len(seen))], ", "))
}

// until runs the test that is to catch a bug until it does. A run that fails
// otherwise does not count: the bug has done something, but not this.
func (b *plantedBug) until(t *testing.T, binaries string, seed uint64) (c catch, found bool) {
	t.Helper()
	began, other := time.Now(), "nothing"
	for runs := 1; time.Since(began) < plantedBudget; runs++ {
		output, passed := b.by.run(t, binaries, b.bug, seed)
		if by := spoken(output, b.caught); !passed && len(by) > 0 {
			return catch{b, seed, runs, time.Since(began), by}, true
		} else if !passed {
			other = fmt.Sprintf("seed %d:\n%s", seed, output)
		}
		seed++
	}
	t.Errorf("not caught by any of %v within %v; found was %s", b.caught, plantedBudget, other)
	return c, false
}

// spoken returns by which of the checks a test has found something.
func spoken(output string, checks []string) (by []string) {
	for _, c := range checks {
		text := says[c]
		if regexp.MustCompile(`(?m)^.*(^| )` + regexp.QuoteMeta(text)).MatchString(output) {
			by = append(by, c)
		}
	}
	return by
}

// command repeats a run.
func (tier *tier) command(seed uint64) string {
	var line []string
	for _, v := range tier.env {
		name, value, _ := strings.Cut(v, "=")
		line = append(line, fmt.Sprintf("%s='%s'", name, value))
	}
	line = append(line, fmt.Sprintf("FIRN_SEED=%d", seed), "go test -count=1 -tags planted -run", "'^"+tier.test+"$'", "./"+tier.dir)
	return strings.Join(append(line, tier.flags(seed)...), " ")
}

func (tier *tier) flags(seed uint64) (flags []string) {
	for _, a := range tier.args {
		flags = append(flags, strings.ReplaceAll(a, "SEED", fmt.Sprint(seed)))
	}
	return flags
}

// run runs the tier's test in a process of its own.
func (tier *tier) run(t *testing.T, binaries string, bug planted.Bug, seed uint64) (output string, passed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout+30*time.Second)
	defer cancel()
	args := append([]string{"-test.run", "^" + tier.test + "$", "-test.timeout", runTimeout.String()}, tier.flags(seed)...)
	cmd := exec.CommandContext(ctx, filepath.Join(binaries, testName(tier.dir)), args...)
	cmd.Dir = filepath.Join("../..", tier.dir)
	cmd.Env = slices.Concat(os.Environ(), tier.env, []string{"FIRN_PLANTED=" + string(bug), fmt.Sprint("FIRN_SEED=", seed)})
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	const shown = 16 << 10
	return string(out[:min(len(out), shown)]), err == nil
}

func testName(dir string) string { return strings.ReplaceAll(dir, "/", "-") + ".test" }

// buildTests builds the tests of all tiers with the bugs.
func buildTests(t *testing.T) (binaries string) {
	t.Helper()
	binaries = t.TempDir()
	for _, b := range plantedBugs {
		binary := filepath.Join(binaries, testName(b.by.dir))
		if _, err := os.Stat(binary); err == nil {
			continue
		}
		goCommand(t, "test", "-c", "-tags", "planted", "-o", binary, "./"+b.by.dir)
	}
	return binaries
}

// goCommand runs the go command in the module's directory.
func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestPlantedIsNotShipped builds the program as it is shipped: it holds no bug's
// name and nothing of the package that switches them on. With the tag it does.
func TestPlantedIsNotShipped(t *testing.T) {
	for _, tags := range []string{"", "planted"} {
		program := filepath.Join(t.TempDir(), "firn")
		goCommand(t, "build", "-tags", tags, "-o", program, "./cmd/firn")
		code, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range plantedBugs {
			if found := bytes.Contains(code, []byte(b.bug)); found != (tags != "") {
				t.Errorf("with the tags %q: the bug %s is in the program: %t", tags, b.bug, found)
			}
		}
		symbols := goCommand(t, "tool", "nm", program)
		if found := strings.Contains(symbols, "internal/planted"); found != (tags != "") {
			t.Errorf("with the tags %q: symbols of internal/planted are in the program: %t", tags, found)
		}
	}
}
