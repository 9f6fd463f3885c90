package replication

import "testing"

// FuzzStatus reads what nodes ask each other and answer: it comes from beyond
// this process.
func FuzzStatus(f *testing.F) {
	f.Add(encode(question{}))
	f.Add(encode(answerReport{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var q question
		if decode(b, &q) == nil {
			encode(q)
		}
		var a answerReport
		if decode(b, &a) == nil {
			encode(a)
		}
	})
}
