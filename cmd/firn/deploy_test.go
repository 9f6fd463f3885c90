package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server"
)

const deployDir = "../../deploy"

func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDeployedMetrics holds the metrics that alerts and dashboard name against
// those that docs/operations.md lists, which are those that a node serves.
func TestDeployedMetrics(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(firn_\\w+)` \\| (\\w+) ").FindAllStringSubmatch(string(page), -1) {
		kinds[row[1]] = row[2]
	}
	var results []string
	for _, k := range firn.Kinds() {
		results = append(results, k.String())
	}
	expressions := append(dashboardExpressions(t), alertExpressions(t)...)
	for _, e := range expressions {
		for _, name := range regexp.MustCompile(`\bfirn_\w+`).FindAllString(e, -1) {
			of, part := name, ""
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if base, ok := strings.CutSuffix(name, suffix); ok {
					of, part = base, suffix
				}
			}
			if kind := kinds[of]; kind == "" || (part != "") != (kind == "histogram") {
				t.Errorf("%s: there is no metric %s (%s is a %q)", e, name, of, kind)
			}
		}
		for _, list := range regexp.MustCompile(`result=~?"([^"]+)"`).FindAllStringSubmatch(e, -1) {
			for result := range strings.SplitSeq(list[1], "|") {
				if result != "ok" && !slices.Contains(results, result) {
					t.Errorf("%s: no append ends with %q", e, result)
				}
			}
		}
		if strings.Count(e, "(") != strings.Count(e, ")") || strings.Count(e, "{") != strings.Count(e, "}") {
			t.Errorf("%s: a bracket is missing", e)
		}
	}
	if len(expressions) < 20 {
		t.Errorf("only %d expressions were found", len(expressions))
	}
}

func dashboardExpressions(t *testing.T) (all []string) {
	t.Helper()
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(deployed(t, "grafana.json")), &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		if p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("the panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	return all
}

func alertExpressions(t *testing.T) (all []string) {
	t.Helper()
	var f struct {
		Groups []struct {
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal([]byte(deployed(t, "alerts.yaml")), &f); err != nil {
		t.Fatal(err)
	}
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Annotations["summary"] == "" {
				t.Errorf("the alert %q says nothing", r.Alert)
			}
			all = append(all, r.Expr)
		}
	}
	return all
}

// TestDeployedNodes starts what the compose file and the settings for systemd
// say, up to the ports: flags that are there, and a configuration that is sound.
func TestDeployedNodes(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Command []string `yaml:"command"`
			Volumes []string `yaml:"volumes"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(deployed(t, "compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	var started []server.Config
	for _, name := range []string{"n1", "n2", "n3"} {
		l := &fakeLauncher{}
		if r := newCLI(t).runUntilReady(l, compose.Services[name].Command...); r.status != exitDone {
			t.Fatalf("%s: exit %d: %s", name, r.status, r.err)
		}
		c := l.started[0]
		if c.ID != name || c.TLS != "/certs" || c.Dir != "/data" || !slices.Contains(compose.Services[name].Volumes, "./data/"+name+":/data") {
			t.Errorf("%s: %+v", name, c)
		}
		started = append(started, c)
	}
	for _, c := range started {
		if !slices.Equal(c.Bootstrap, started[0].Bootstrap) || !slices.Contains(c.Bootstrap, server.Member{ID: c.ID, Peer: c.Listen.Peer}) {
			t.Errorf("%s begins a cluster of %+v", c.ID, c.Bootstrap)
		}
	}

	c, l := newCLI(t), &fakeLauncher{}
	flags := newServeCommand(c.console("", nil, nil)).Flags()
	for line := range strings.Lines(deployed(t, "systemd/firn.env")) {
		name, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "#")), "=")
		flag, setting := strings.CutPrefix(name, "FIRN_SERVE_")
		if !ok || !setting {
			continue
		}
		if flags.Lookup(strings.ReplaceAll(strings.ToLower(flag), "_", "-")) == nil {
			t.Errorf("firn.env sets %s, which is no flag of firn serve", name)
		}
		if !strings.HasPrefix(line, "#") {
			c.env[name] = value
		}
	}
	if r := c.runUntilReady(l, "serve"); r.status != exitDone || l.started[0].TLS == "" {
		t.Errorf("exit %d: %s", r.status, r.err)
	}
}
