package client_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/firndb/firn"

// TestImports reads the sources of the client and of every package of Firn that
// it reaches: a user's program must compile neither Pebble nor Raft, and of other
// libraries only the protocol's MessagePack.
func TestImports(t *testing.T) {
	allowed := []string{"", "client", "engine/record", "server/wire"}
	messagePack := []string{"github.com/vmihailenco/msgpack/v5", "github.com/vmihailenco/msgpack/v5/msgpcode"}
	seen := map[string]bool{}
	var visit func(pkg string)
	visit = func(pkg string) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		for _, path := range imports(t, filepath.Join("..", filepath.FromSlash(pkg))) {
			inside, ours := strings.CutPrefix(path, module)
			if !ours {
				wire := pkg == "server/wire" && slices.Contains(messagePack, path)
				if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && !wire {
					t.Errorf("%s imports %s, which is neither the standard library nor the protocol's MessagePack", filepath.Join(module, pkg), path)
				}
				continue
			}
			inside = strings.TrimPrefix(inside, "/")
			if !slices.Contains(allowed, inside) {
				t.Errorf("%s imports %s; a client may reach only %q", filepath.Join(module, pkg), path, allowed)
				continue
			}
			visit(inside)
		}
	}
	visit("client")
	if len(seen) != len(allowed) {
		t.Errorf("the client reaches %d packages of %d allowed; is the list still right?", len(seen), len(allowed))
	}
}

// imports returns what the package's sources import, tests aside.
func imports(t *testing.T, dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		if name := entry.Name(); entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, entry.Name()), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, path)
		}
	}
	return all
}
