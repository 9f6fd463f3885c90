package web

import (
	_ "embed"
	"net/http"
)

// The description of this door, as people write it and as most programs read
// it. A test makes the second from the first.
var (
	//go:embed openapi.yaml
	openAPIYAML []byte
	//go:embed openapi.json
	openAPIJSON []byte
)

func (d *Door) openAPIYAML(a *answer, _ *http.Request) error {
	return a.document("application/yaml", openAPIYAML)
}

func (d *Door) openAPIJSON(a *answer, _ *http.Request) error {
	return a.document("application/json", openAPIJSON)
}

func (a *answer) document(contentType string, text []byte) error {
	a.Header().Set("Content-Type", contentType)
	a.Header().Set("Cache-Control", "no-cache")
	_, err := a.Write(text)
	return err
}
