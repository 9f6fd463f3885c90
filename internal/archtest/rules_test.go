package archtest

import (
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// separation is one thing that a package, with all it compiles, never meets.
// The drawing could be changed by whoever adds an arrow; these are decisions.
type separation struct {
	from    string
	never   []string // short names, or path prefixes of other modules
	because string
}

var separations = []separation{
	{"client", []string{"github.com/cockroachdb/pebble", "github.com/hashicorp/raft", "engine", "replication", "server"},
		"a user's program that imports the client compiles neither Pebble nor Raft"},
	{"client/projection", []string{"modernc.org", "github.com/jackc", "client", "server/wire", "engine", "replication", "server"},
		"a read model is fed from any store, through the database driver that the program chooses"},
	{"engine", []string{"github.com/hashicorp/raft", "replication", "server", "server/wire", "client"},
		"the engine does not know Raft, and its only input is commands"},
	{"replication", []string{"engine", "server", "server/wire", "client"},
		"Raft does not know Pebble's keys; it carries commands"},
	{"server/internal/tcp", []string{"server/internal/web", "engine", "replication"},
		"no door knows another door, and a door asks the service"},
	{"server/internal/web", []string{"server/internal/tcp", "engine", "replication"},
		"no door knows another door, and a door asks the service"},
	{"bench", []string{"engine", "replication", "server", "client", "github.com/cockroachdb/pebble", "github.com/hashicorp/raft"},
		"the benchmarks drive any Store and know none"},
}

// meetings names every way on which a package meets what it must not. A package
// that is not there is a fault too: a rule about nothing proves nothing.
func meetings(s sources, rules []separation) []string {
	var faults []string
	for _, rule := range rules {
		if s[rule.from] == nil {
			faults = append(faults, fmt.Sprintf("there is a rule for the package %s, which the sources do not have", rule.from))
			continue
		}
		ways := s.reach(rule.from)
		for _, never := range rule.never {
			if way, met := ways[never]; met {
				faults = append(faults, fmt.Sprintf("%s: %s", way, rule.because))
			}
			for _, name := range slices.Sorted(maps.Keys(ways)) {
				if p := s[name]; p != nil && slices.ContainsFunc(p.foreign, func(f string) bool { return f == never || strings.HasPrefix(f, never+"/") }) {
					faults = append(faults, fmt.Sprintf("%s → %s: %s", ways[name], never, rule.because))
				}
			}
		}
	}
	return faults
}

// beyondStandard returns the imports of a package that are not of the standard
// library: its paths are the ones whose first element has no dot.
func beyondStandard(p *pkg) []string {
	outside := slices.Clone(p.firn)
	for _, f := range p.foreign {
		if first, _, _ := strings.Cut(f, "/"); strings.Contains(first, ".") {
			outside = append(outside, f)
		}
	}
	return outside
}

// chance finds what makes code answer differently when it is run again: the
// clock's and the dice's names that a file of the folders uses, as
// "engine/apply.go" → "time.Now". Packages for tests, whose names end in test,
// are not asked.
func chance(root fs.FS, folders ...string) (map[string][]string, error) {
	clock := []string{"Now", "Since", "Until", "Sleep"}
	found := map[string][]string{}
	err := eachSource(root, func(dir, file string) error {
		inside := slices.ContainsFunc(folders, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
		if !inside || strings.HasSuffix(path.Base(dir), "test") {
			return nil
		}
		parsed, err := parse(root, file, 0)
		if err != nil {
			return err
		}
		names := map[string]string{} // what the file calls its imports
		for _, spec := range parsed.Imports {
			importPath := strings.Trim(spec.Path.Value, `"`)
			if strings.HasSuffix(importPath, "/rand") || strings.HasPrefix(importPath, "math/rand") {
				found[file] = append(found[file], importPath)
			}
			name := path.Base(importPath)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			names[name] = importPath
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && names[x.Name] == "time" && slices.Contains(clock, s.Sel.Name) {
					found[file] = append(found[file], "time."+s.Sel.Name)
				}
			}
			return true
		})
		slices.Sort(found[file])
		found[file] = slices.Compact(found[file])
		return nil
	})
	return found, err
}
