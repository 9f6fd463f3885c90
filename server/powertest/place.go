package powertest

import "strings"

// place says in words which of a node's files a path is.
func place(path string) string {
	inside, ok := strings.CutPrefix(path, dataDir+"/")
	if !ok {
		return "data directory"
	}
	top, name, _ := strings.Cut(inside, "/")
	name = strings.TrimPrefix(name, "data/")
	switch top {
	case "raft":
		return "Raft log: " + fileKind(name)
	case "engine":
		return "store: " + fileKind(name)
	case "firn.json", "firn.json.new", "firn.json.copy", "firn.json.copy.new":
		return "identity"
	case "outbox":
		return "image: " + fileKind(name[strings.Index(name, "/")+1:])
	}
	return top // LOCK, ballast
}

// fileKind says which of a directory's files one is, whatever its number.
func fileKind(name string) string {
	base, extension, _ := strings.Cut(name, ".")
	base, _, _ = strings.Cut(base, "-")
	switch {
	case name == "", name == "data":
		return "directory"
	case extension == "sst":
		return "table"
	case strings.Trim(base, "0123456789") == "":
		return extension // log, …
	}
	return base // MANIFEST, marker, OPTIONS, LOCK, IMAGE, tail, spare, …
}
