package web_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/firndb/firn/server/internal/web"
)

var update = flag.Bool("update", false, "write openapi.json anew")

// document returns the description, as it is served.
func document(t *testing.T, d *door) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData([]byte(d.get("/openapi.yaml").wants(t, 200).body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestOpenAPI holds that the description is OpenAPI 3.1, the same in both
// forms, and that it describes the routes that there are.
func TestOpenAPI(t *testing.T) {
	d := newDoor(t, web.Options{})
	doc := document(t, d)
	if err := doc.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Error(err)
	}
	compact, err := doc.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Indent(&want, compact, "", " "); err != nil {
		t.Fatal(err)
	}
	want.WriteByte('\n')
	if *update {
		if err := os.WriteFile("openapi.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if d.get("/openapi.json").wants(t, 200).body != want.String() {
		t.Error("openapi.json is not what openapi.yaml says; run: go test ./server/internal/web -run TestOpenAPI -update")
	}
	var described []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	routes := web.Routes()
	slices.Sort(described)
	slices.Sort(routes)
	if !slices.Equal(described, routes) {
		t.Errorf("described %q\nanswered  %q", described, routes)
	}
	if doc.OpenAPI[:3] != "3.1" || d.get("/openapi.json").header.Get("Content-Type") != "application/json" {
		t.Errorf("version %s", doc.OpenAPI)
	}
}

// TestParametersAreDescribed takes every parameter away that is described, and
// tries each one: it must be known.
func TestParametersAreDescribed(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.fill("a", 1)
	doc := document(t, d)
	for _, path := range []string{"/streams/{name}", "/all", "/categories/{category}"} {
		item := doc.Paths.Value(path)
		asked := map[string]string{"/streams/{name}": "/streams/a", "/all": "/all", "/categories/{category}": "/categories/a"}[path]
		unknown := d.get(asked+"?no-such-parameter=1").wants(t, 400).body
		for _, p := range item.Get.Parameters {
			if p.Value.In == openapi3.ParameterInQuery && !bytes.Contains([]byte(unknown), []byte(p.Value.Name)) {
				t.Errorf("%s describes the parameter %s, which is not known: %s", path, p.Value.Name, unknown)
			}
		}
		for _, name := range []string{"from", "history", "limit", "backwards", "at", "types", "type-prefix", "stream-prefix", "raw", "system", "local", "wait-for", "timeout"} {
			if name == "stream-prefix" && path == "/streams/{name}" {
				continue // there is one stream
			}
			if item.Get.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
				t.Errorf("%s does not describe the parameter %s", path, name)
			}
		}
	}
}

// TestAnswersAreAsDescribed holds answers against the description's schemas.
func TestAnswersAreAsDescribed(t *testing.T) {
	d := newDoor(t, web.Options{})
	doc := document(t, d)
	check := func(a answer, schema string) {
		t.Helper()
		var value any
		if err := json.Unmarshal([]byte(a.body), &value); err != nil {
			t.Fatalf("%s: %v", a.body, err)
		}
		if err := doc.Components.Schemas[schema].Value.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
			t.Errorf("%s is no %s: %v", a.body, schema, err)
		}
	}
	check(d.do("POST", "/streams/a-1?type=T", plainJSON, `{"n":1}`).wants(t, http.StatusCreated), "Appended")
	check(d.do("POST", "/streams/a-1", "Content-Type: text/plain\n"+binary+"1\nce-correlationid: c", "x").wants(t, http.StatusCreated), "Appended")
	check(d.get("/streams/a-1?limit=1"), "Event")
	check(d.get("/streams/a-1?from=1"), "Event")
	check(d.get("/streams/b"), "Error")
	check(d.do("POST", "/streams/a-1?type=T", plainJSON+"If-None-Match: *", `{"n":1}`).wants(t, http.StatusConflict), "Error")
	check(answer{body: placed}, "CloudEvent")
}
