package writ

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/ledger"
	"github.com/writ-host/writ/capabilities"
)

// audited is an app with something of everything in it.
func audited(t *testing.T) *App {
	t.Helper()
	dir := t.TempDir()
	guest, err := os.ReadFile("examples/guestbook/guestbook.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"guestbook.wasm": string(guest),
		"writ.toml": `name = "guestbook"
[component.web]
source = "guestbook.wasm"
[[component.web.request]]
capability = "kv"
resource = "kv://default/guestbook/**"
operations = ["get", "delete"]
[[trigger.http]]
route = "/..."
component = "web"
`,
		"grants.json": `{"grants": [
 {"id": "kv", "app": "guestbook", "component": "web", "capability": "kv", "resource": "kv://default/**", "operations": ["get"],
  "when": "calm", "expires": "2099-01-01T00:00:00Z", "limits": {"max_bytes": 10}, "reason": "<script>alert(1)</script>"},
 {"id": "all", "app": "guestbook", "component": "web", "capability": "sql", "resource": "sql://**", "operations": ["*"]}],
 "denials": [{"id": "no", "capability": "kv", "resource": "kv://default/secret/**", "operations": ["get"]}]}`,
		"policies/calm.rego": "package writ.conditions\n\ncalm if input.bytes < 9\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app, err := LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func auditOfOne(t *testing.T) *Audit {
	t.Helper()
	a, err := NewAudit(t.Context(), []*App{audited(t)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// withHistory is an audit of an app whose ledger tells of its first grant.
func withHistory(a *Audit) *Audit {
	at := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	a.Apps[0].Ledger = &AuditLedger{Path: "ledger", Since: at, Leaves: 7, Root: "root"}
	a.Apps[0].Components[0].Grants[0].addUse(&ledger.GrantUse{Unbroken: at, Use: ledger.Use{Count: 3, Last: at}})
	return a
}

func TestAuditFollowsItsSchema(t *testing.T) {
	text, err := json.Marshal(auditOfOne(t))
	if err != nil {
		t.Fatal(err)
	}
	if faults := schemaFaults(t, "docs/audit.schema.json", text); faults != "" {
		t.Error(faults)
	}
	text, err = json.Marshal(withHistory(auditOfOne(t)))
	if err != nil {
		t.Fatal(err)
	}
	if faults := schemaFaults(t, "docs/audit.schema.json", text); faults != "" {
		t.Error(faults)
	}
	if faults := schemaFaults(t, "docs/audit.schema.json", bytes.Replace(text, []byte(`"unused"`), []byte(`"unusual"`), 1)); faults == "" {
		t.Error("the schema takes an unknown key")
	}
}

// schemaFaults sets JSON against a schema with OPA's validator.
func schemaFaults(t *testing.T, path string, document []byte) string {
	t.Helper()
	schema, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	results, err := rego.New(rego.Query("[fits, faults] = json.match_schema(input.document, input.schema)"),
		rego.Input(map[string]any{"document": string(document), "schema": string(schema)})).Eval(t.Context())
	if err != nil || len(results) != 1 {
		t.Fatal(results, err)
	}
	if results[0].Bindings["fits"] == true {
		return ""
	}
	return fmt.Sprint(results[0].Bindings["faults"])
}

func TestAuditPageNeedsAndRunsNothing(t *testing.T) {
	var page bytes.Buffer
	if err := withHistory(auditOfOne(t)).WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "http://", "https://", "url(", "<img", "<link"} {
		if strings.Contains(page.String(), bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, good := range []string{"only when the size is less than 9", "until 2099-01-01", "less what no denies", "&lt;script&gt;", "grants.json:2",
		"in force since 2027-01-02 03:04 UTC, used 3 times, last 2027-01-02 03:04 UTC", "no host has had it in force as it is"} {
		if !strings.Contains(page.String(), good) {
			t.Errorf("the page lacks %s", good)
		}
	}
}

func TestSarifHasRulesAndLines(t *testing.T) {
	log := auditOfOne(t).Sarif()
	found := map[string]int{}
	for _, r := range log.Runs[0].Results {
		rule := log.Runs[0].Tool.Driver.Rules[r.RuleIndex]
		if rule.ID != r.RuleID || r.Message.Text == "" || len(r.Locations) != 1 || r.Locations[0].Physical.Artifact.URI == "" {
			t.Errorf("%+v", r)
		}
		if region := r.Locations[0].Physical.Region; region != nil {
			found[r.RuleID] = region.StartLine
		} else {
			found[r.RuleID] = 0
		}
	}
	want := map[string]int{"requested-not-granted": 0, "granted-beyond-request": 2, "whole-capability": 4, "granted-not-requested": 4, "unused-grant": 4}
	for rule, line := range want {
		if got, ok := found[rule]; !ok || got != line {
			t.Errorf("%s: line %d, %v", rule, got, ok)
		}
	}
	for _, r := range withHistory(auditOfOne(t)).Sarif().Runs[0].Results {
		switch p := r.Properties; {
		case r.RuleID == "requested-not-granted":
			if p != nil {
				t.Errorf("%s is about grant %s", r.Message.Text, p.Grant)
			}
		case p == nil || p.History == "" || !strings.HasPrefix(r.Message.Text, p.Grant+":"):
			t.Errorf("%s: properties %+v", r.Message.Text, p)
		case r.RuleID == "granted-beyond-request" && (p.Since == nil || p.Used.Count != 3):
			t.Errorf("%s: since %v, used %v", r.Message.Text, p.Since, p.Used)
		}
	}
	if log.Version != "2.1.0" || len(found) != len(want) {
		t.Errorf("version %s, found %v", log.Version, found)
	}
}

// An interface with a guarded function must be known to work by grants of some capability: or an audit would call it harmless.
func TestEveryGuardedInterfaceIsKnownToNeedGrants(t *testing.T) {
	s, err := newSurface()
	if err != nil {
		t.Fatal(err)
	}
	all, err := offeredByHost()
	if err != nil {
		t.Fatal(err)
	}
	guarded := 0
	for _, c := range all {
		for _, i := range c.Imports() {
			needs, known := s.needs(i.Interface.Name.String())
			if !known {
				t.Errorf("%s is not known", i.Interface.Name)
			}
			if isGuarded(i) {
				guarded++
				if len(needs) == 0 {
					t.Errorf("%s has guarded functions and is said to need no grants", i.Interface.Name)
				}
			}
			for _, n := range needs {
				if !slices.Contains(broker.Capabilities(), n) {
					t.Errorf("%s needs %q, which is no capability", i.Interface.Name, n)
				}
			}
		}
	}
	if guarded < 8 {
		t.Errorf("only %d interfaces are guarded", guarded)
	}
}

func isGuarded(i capabilities.Import) bool {
	for _, f := range i.Funcs {
		if f.Access != nil || f.Each != nil || f.Permit != nil {
			return true
		}
	}
	return false
}

func TestLockIsStableAndReadsBack(t *testing.T) {
	app := audited(t)
	first, err := app.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text, err := first.Text()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), LockName)
	if err := first.Write(path); err != nil {
		t.Fatal(err)
	}
	read, err := ReadLock(path)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	again, err := read.Text()
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("%v\n%s\nreads back as\n%s", err, text, again)
	}
	if d, err := DiffLocks(first, read); err != nil || len(d.Components) != 0 || d.PolicyChanged {
		t.Errorf("%+v %v", d, err)
	}
	// A condition of the same name that means something else is wider.
	for i := range read.Components[0].Grants {
		read.Components[0].Grants[i].Condition = strings.Replace(read.Components[0].Grants[i].Condition, "9", "8", 1)
	}
	if d, err := DiffLocks(read, first); err != nil || !d.Widens() {
		t.Errorf("another condition is not wider: %+v %v", d, err)
	}
}
