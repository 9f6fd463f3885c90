package security

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firndb/firn"
)

// May says why the user may not do something that takes a role, or nil. What is
// done stands in the error: "append to the stream". The stream is "" where none
// is concerned.
func (u *User) May(role firn.Role, doing, stream string) error {
	switch {
	case u.Role < role:
		return u.forbidden(doing, stream, fmt.Sprintf("it takes the role %s, and %s has %s", role, u.Name, u.Role))
	case stream != "" && !u.Covers(stream):
		return u.forbidden(doing, stream, u.rules(stream))
	}
	return nil
}

// MayAll is May for all streams whose names begin so; for "" every stream.
func (u *User) MayAll(role firn.Role, doing, prefix string) error {
	switch {
	case u.Role < role:
		return u.May(role, doing, "")
	case !u.coversAll(prefix):
		return u.forbidden(doing, "", u.rules(""))
	}
	return nil
}

func (u *User) rules(stream string) string {
	switch {
	case u.Role == firn.RoleAdmin || len(u.Streams) == 0:
		return "it takes the role admin, since that stream is the system's"
	case stream == "":
		return fmt.Sprintf("it takes more streams than those that %s has, whose names begin with %s", u.Name, list(u.Streams))
	}
	return fmt.Sprintf("it takes a rule for that stream, and the streams of %s begin with %s", u.Name, list(u.Streams))
}

func list(prefixes []string) string {
	const most = 8
	more := ""
	if len(prefixes) > most {
		prefixes, more = prefixes[:most], ", …"
	}
	return strings.Join(prefixes, ", ") + more
}

func (u *User) forbidden(doing, stream, why string) error {
	name := ""
	if stream != "" {
		name = fmt.Sprintf(" %.64q", stream)
	}
	e := firn.Errorf(firn.ErrForbidden, "the user %s may not %s%s: %s", u.Name, doing, name, why)
	e.Stream = stream
	return e
}

// Everything reports whether the user's rules cover every stream, those of the
// system apart.
func (u *User) Everything() bool { return len(u.Streams) == 0 }

// Covers reports whether a stream is among those that the user's rules name.
// What records a stream's life goes with the stream. Of the system's other
// streams, those of imports can be named by a rule, and $categories is for who
// sees every stream; what remains is for admins.
func (u *User) Covers(stream string) bool {
	for {
		of, life := strings.CutPrefix(stream, firn.LifeStream(""))
		if !life {
			break
		}
		stream = of
	}
	switch {
	case u.Role == firn.RoleAdmin:
		return true
	case firn.IsSystem(stream) && !strings.HasPrefix(stream, firn.ImportStreamPrefix):
		return stream == firn.CategoriesStream && u.Everything()
	}
	return u.Everything() || slices.ContainsFunc(u.Streams, func(p string) bool { return strings.HasPrefix(stream, p) })
}

// coversAll reports whether all streams whose names begin so are covered, those
// of the system apart.
func (u *User) coversAll(prefix string) bool {
	return u.Everything() || slices.ContainsFunc(u.Streams, func(p string) bool { return strings.HasPrefix(prefix, p) })
}

// Overlaps reports whether the user may see any of the streams whose names
// begin so.
func (u *User) Overlaps(prefix string) bool {
	return u.coversAll(prefix) || slices.ContainsFunc(u.Streams, func(p string) bool { return strings.HasPrefix(p, prefix) })
}

// OverlapsCategory reports whether the user may see any stream of a category;
// of "", every stream.
func (u *User) OverlapsCategory(category string) bool {
	return category == "" && u.Everything() || category != "" && u.Overlaps(category+"-")
}

// Narrow returns those beginnings of names that are within given ones and within
// the user's rules: sorted, none within another. None given is every name, and
// none returned means that there are no rules; where nothing is left there is an
// error.
func (u *User) Narrow(doing string, prefixes []string) ([]string, error) {
	if u.Everything() {
		return prefixes, nil
	}
	if len(prefixes) == 0 {
		prefixes = []string{""}
	}
	var both []string
	for _, wanted := range prefixes {
		for _, p := range u.Streams {
			switch {
			case strings.HasPrefix(wanted, p):
				both = append(both, wanted)
			case strings.HasPrefix(p, wanted):
				both = append(both, p)
			}
		}
	}
	if len(both) == 0 {
		return nil, u.forbidden(doing, "", u.rules(""))
	}
	slices.Sort(both)
	kept := both[:0]
	for _, p := range both {
		if len(kept) == 0 || !strings.HasPrefix(p, kept[len(kept)-1]) {
			kept = append(kept, p)
		}
	}
	return kept, nil
}
