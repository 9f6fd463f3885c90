package firn_test

import (
	"testing"

	"github.com/firndb/firn"
)

// FuzzParseID: what is read as an id is written as one that is read as the same.
func FuzzParseID(f *testing.F) {
	f.Add("01890a5d-ac96-774b-bcce-b302099a8057")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := firn.ParseID(text)
		if err != nil {
			return
		}
		if again, err := firn.ParseID(id.String()); err != nil || again != id {
			t.Errorf("%q is read as %v, which is read as %v (%v)", text, id, again, err)
		}
	})
}

// FuzzParseExpectation does the same for expectations.
func FuzzParseExpectation(f *testing.F) {
	for _, text := range []string{"any", "none", "exists", "0", "18446744073709551615", "-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := firn.ParseExpectation(text)
		if err != nil {
			return
		}
		if again, err := firn.ParseExpectation(e.String()); err != nil || again != e {
			t.Errorf("%q is read as %v, which is read as %v (%v)", text, e, again, err)
		}
	})
}

// FuzzLifeOf reads events of system streams, of which every reader of the log
// sees what others have written.
func FuzzLifeOf(f *testing.F) {
	for _, kind := range []string{firn.TypeDeleted, firn.TypeTombstoned, firn.TypeTruncated, firn.TypeLimits, firn.TypeMetadata} {
		f.Add("$$order-42", kind, []byte(`{"before":7,"category":"order","max_age_us":1000000,"max_count":3}`))
	}
	f.Add(firn.CategoriesStream, firn.TypeLimits, []byte(`{"category":"order","max_age_us":-1}`))
	f.Fuzz(func(t *testing.T, stream, kind string, data []byte) {
		of, life, ok := firn.LifeOf(&firn.Event{Stream: stream, Type: kind, Data: data})
		if ok != (life != nil) || !ok && of != "" {
			t.Errorf("%q %q %q: %q, %v, %t", stream, kind, data, of, life, ok)
		}
	})
}
