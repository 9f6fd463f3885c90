package archtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The drawing is the one fenced block of a page that has lines of this form:
//
//	engine/command: imports engine/record, firn
//
// A package that imports nothing of the module says "imports nothing".
const (
	fence   = "```"
	arrow   = ": imports "
	nothing = "nothing"
)

// drawing is the list of a page: the packages and what each imports.
type drawing map[string][]string

// cut splits the page around the lines of its drawing.
func cut(page string) (before, lines, after string, err error) {
	parts := strings.Split(page, fence)
	found := -1
	for i := 1; i < len(parts); i += 2 {
		if strings.Contains(parts[i], arrow) {
			if found >= 0 {
				return "", "", "", fmt.Errorf("two fenced blocks have lines with %q; the drawing is one", arrow)
			}
			found = i
		}
	}
	if found < 0 {
		return "", "", "", fmt.Errorf("no fenced block has lines with %q", arrow)
	}
	head, lines, _ := strings.Cut(parts[found], "\n") // what stands behind the fence is the block's language
	before = strings.Join(parts[:found], fence) + fence + head + "\n"
	return before, lines, fence + strings.Join(parts[found+1:], fence), nil
}

// parseDrawing reads the drawing of a page.
func parseDrawing(page string) (drawing, error) {
	_, lines, _, err := cut(page)
	if err != nil {
		return nil, err
	}
	d := drawing{}
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, imports, ok := strings.Cut(line, arrow)
		if !ok {
			return nil, fmt.Errorf("the drawing's line %q is not of the form %q", line, "package"+arrow+"a, b")
		}
		if _, twice := d[name]; twice {
			return nil, fmt.Errorf("the drawing has %s twice", name)
		}
		d[name] = nil
		if imports != nothing {
			d[name] = strings.Split(imports, ", ")
		}
	}
	return d, nil
}

// String returns the lines of the drawing, sorted.
func (d drawing) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d)) {
		imports := nothing
		if len(d[name]) > 0 {
			imports = strings.Join(slices.Sorted(slices.Values(d[name])), ", ")
		}
		b.WriteString(name + arrow + imports + "\n")
	}
	return b.String()
}

// draw returns the drawing that the sources would have.
func draw(s sources) drawing {
	d := drawing{}
	for name, p := range s {
		d[name] = p.firn
	}
	return d
}

// compare names every package and arrow that only one of the two has.
func compare(drawn, actual drawing) []string {
	var faults []string
	names := maps.Clone(drawn)
	maps.Copy(names, actual)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		_, inDrawing := drawn[name]
		_, inSources := actual[name]
		if !inDrawing {
			faults = append(faults, fmt.Sprintf("the sources have the package %s, the drawing does not", name))
		}
		if !inSources {
			faults = append(faults, fmt.Sprintf("the drawing has the package %s, the sources do not", name))
		}
		for _, to := range only(actual[name], drawn[name]) {
			faults = append(faults, fmt.Sprintf("%s imports %s in the sources, not in the drawing", name, to))
		}
		for _, to := range only(drawn[name], actual[name]) {
			faults = append(faults, fmt.Sprintf("%s imports %s in the drawing, not in the sources", name, to))
		}
	}
	return faults
}

// only returns what a has and b has not.
func only(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
