package main

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firndb/firn/internal/jsonline"
)

// printer prints what a command answers, in one of three formats. Lists go row
// by row, so that memory does not grow with them.
type printer struct {
	w      *bufio.Writer
	format string // table, json, text
	width  int    // cut table rows to this; 0: never
	colour bool   // on a terminal, unless NO_COLOR is set

	columns []string
	least   map[string]int // widths that columns have at least, for what may come after the rows held
	held    [][]string     // the first rows of a table, kept to learn how wide its columns are
	widths  []int
}

// rowsHeld is how many rows a table looks at before it settles its columns.
const rowsHeld = 200

func (c *console) newPrinter() (*printer, error) {
	format := c.output
	switch format {
	case "":
		if format = "json"; c.terminalOut {
			format = "table"
		}
	case "table", "json", "text":
	default:
		return nil, usage("--output %q; want table, json or text", format)
	}
	return &printer{w: bufio.NewWriterSize(c.out, 64<<10), format: format, width: c.width, colour: format == "table" && c.terminalOut && c.env("NO_COLOR") == ""}, nil
}

// field is one named value of an answer.
type field struct {
	name string
	text string // in tables and text
	json []byte
}

func str(name, v string) field { return field{name, v, jsonline.AppendString(nil, v)} }
func num[N ~uint64 | ~uint32 | ~int](name string, n N) field {
	text := fmt.Sprint(n)
	return field{name, text, []byte(text)}
}
func boolean(name string, v bool) field {
	text := strconv.FormatBool(v)
	return field{name, text, []byte(text)}
}
func when(name string, t time.Time) field {
	if t.IsZero() {
		return field{name, "-", []byte("null")}
	}
	text := jsonline.FormatTime(t)
	return field{name, text, jsonline.AppendString(nil, text)}
}
func raw(name string, json []byte) field { return field{name, string(json), json} }

func objectLine(fields []field) []byte {
	var o jsonline.Object
	for _, f := range fields {
		o.JSON(f.name, f.json)
	}
	return o.Bytes()
}

// object prints an answer that is one thing.
func (p *printer) object(fields ...field) error {
	if p.format == "json" {
		return p.line(objectLine(fields))
	}
	for _, f := range fields {
		if p.format == "text" {
			fmt.Fprintf(p.w, "%s\t%s\n", f.name, f.text)
		} else {
			fmt.Fprintf(p.w, "%-15s %s\n", f.name, f.text)
		}
	}
	return p.w.Flush()
}

// row prints one thing of a list.
func (p *printer) row(fields ...field) error {
	if p.format == "json" {
		return p.line(objectLine(fields))
	}
	names, cells := make([]string, len(fields)), make([]string, len(fields))
	for i, f := range fields {
		names[i], cells[i] = f.name, f.text
	}
	return p.cells(names, cells)
}

// line prints a line of JSON.
func (p *printer) line(json []byte) error {
	p.w.Write(json)
	return p.w.WriteByte('\n') // a bufio.Writer keeps its first error
}

// cells prints a row as a table or as text.
func (p *printer) cells(columns, cells []string) error {
	if p.format == "text" {
		_, err := fmt.Fprintln(p.w, strings.Join(cells, "\t"))
		return err
	}
	p.columns = columns
	if p.widths == nil {
		if p.held = append(p.held, cells); len(p.held) < rowsHeld {
			return nil
		}
		return p.settle()
	}
	return p.tableRow(cells)
}

// settle prints the head of a table and the rows held so far.
func (p *printer) settle() error {
	if p.widths != nil || len(p.held) == 0 {
		return nil
	}
	head := make([]string, len(p.columns))
	for i, name := range p.columns {
		head[i] = strings.ToUpper(name)
	}
	p.widths = make([]int, len(head))
	for _, row := range append([][]string{head}, p.held...) {
		for i, cell := range row {
			p.widths[i] = max(p.widths[i], utf8.RuneCountInString(cell), p.least[p.columns[i]])
		}
	}
	p.tableRow(head)
	for _, row := range p.held {
		p.tableRow(row)
	}
	p.held = nil
	return nil
}

func (p *printer) tableRow(cells []string) error {
	var b strings.Builder
	for i, cell := range cells {
		b.WriteString(cell)
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", max(0, p.widths[i]-utf8.RuneCountInString(cell))+2))
		}
	}
	line := b.String()
	if p.width > 0 && utf8.RuneCountInString(line) > p.width {
		line = string([]rune(line)[:p.width-1]) + "…"
	}
	_, err := fmt.Fprintln(p.w, line)
	return err
}

func (p *printer) flush() error {
	p.settle()
	return p.w.Flush()
}
