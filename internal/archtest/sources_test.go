package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/firndb/firn"

// pkg is what the non-test files of one package import.
type pkg struct {
	firn    []string // packages of this module, by their short names
	foreign []string // all others, by their paths
}

// sources are the packages of the module by their short names: the path below
// the module's, "firn" for the root.
type sources map[string]*pkg

// short returns the short name of an import path, if it is of this module.
func short(importPath string) (name string, ours bool) {
	if importPath == module {
		return "firn", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// readSources reads the imports of every non-test file below the root, for all
// systems and build tags. Folders that the go command passes over, and modules
// within the module, are passed over here too.
func readSources(root fs.FS) (sources, error) {
	all := sources{}
	err := eachSource(root, func(dir, file string) error {
		name := dir
		if dir == "." {
			name = "firn"
		}
		p := all[name]
		if p == nil {
			p = &pkg{}
			all[name] = p
		}
		parsed, err := parse(root, file, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			importPath, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			if ours, ok := short(importPath); ok {
				p.firn = append(p.firn, ours)
			} else {
				p.foreign = append(p.foreign, importPath)
			}
		}
		return nil
	})
	for _, p := range all {
		slices.Sort(p.firn)
		p.firn = slices.Compact(p.firn)
		slices.Sort(p.foreign)
		p.foreign = slices.Compact(p.foreign)
	}
	return all, err
}

func eachSource(root fs.FS, visit func(dir, file string) error) error {
	return fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		hidden := name != "." && (base[0] == '.' || base[0] == '_')
		if entry.IsDir() {
			_, err := fs.Stat(root, path.Join(name, "go.mod"))
			if hidden || base == "testdata" || name != "." && err == nil {
				return fs.SkipDir
			}
			return nil
		}
		if hidden || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		return visit(path.Dir(name), name)
	})
}

func parse(root fs.FS, file string, mode parser.Mode) (*ast.File, error) {
	src, err := fs.ReadFile(root, file)
	if err != nil {
		return nil, err
	}
	return parser.ParseFile(token.NewFileSet(), file, src, mode)
}

// reach returns every package of the module that the named one compiles,
// itself included, each with the way there: "client → wire".
func (s sources) reach(name string) map[string]string {
	ways := map[string]string{name: name}
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		p := s[queue[0]]
		if p == nil {
			continue
		}
		for _, next := range p.firn {
			if _, seen := ways[next]; !seen {
				ways[next] = ways[queue[0]] + " → " + next
				queue = append(queue, next)
			}
		}
	}
	return ways
}
