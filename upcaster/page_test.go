package upcaster_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/firndb/firn/upcaster"
)

// What docs/upcasters.md shows is so.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../docs/upcasters.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1) {
		mustParse(t, block[1])
		if strings.TrimSpace(block[1]) != strings.TrimSpace(orders) {
			t.Errorf("the page's example is another than the tests':\n%s", block[1])
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]*: [^`]*)` \\| `(.*)` \\| `(.*)` \\|$").FindAllStringSubmatch(page, -1)
	if len(rows) != 9 {
		t.Errorf("%d rows of before and after", len(rows))
	}
	for _, row := range rows {
		if got, err := do(t, row[1], row[2]); err != nil || got != row[3] {
			t.Errorf("%s on %s: got %s, %v; the page has %s", row[1], row[2], got, err, row[3])
		}
	}
	_, err = upcaster.Parse([]byte("upcaster: u\nsteps: [{type: T, from: 1, to: 2, convert: {/a: none}}]"))
	_, list, _ := strings.Cut(errorText(err), "there are ")
	for _, name := range regexp.MustCompile(`[a-z]+(-[a-z]+)*`).FindAllString(strings.NewReplacer("or", "", "{", "", "}", "").Replace(list), -1) {
		if !strings.Contains(page, name) {
			t.Errorf("the page has no conversion %s", name)
		}
	}
	_, err = do(t, "convert: {/total: number}", `{"total":"12 EUR"}`)
	example := strings.NewReplacer("OrderPlaced", "T", "order-shape", "test").Replace(page)
	if !strings.Contains(example, err.Error()) {
		t.Errorf("the page shows another error than %s", err)
	}
}
