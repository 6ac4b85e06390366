package writ_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ"
	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/broker/ledger"
)

// usedAudit reads what a guestbook's ledger tells.
func usedAudit(t *testing.T, dir string) *writ.UsedAudit {
	t.Helper()
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := ledger.OpenReader(app.Config.LedgerDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	audit, err := app.UsedAudit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return audit
}

func TestGrantsAreSetAgainstTheirUse(t *testing.T) {
	dir := guestbookDir(t)
	grants := filepath.Join(dir, "grants.json")
	for _, g := range []broker.Grant{
		{ID: "wide", App: "guestbook", Component: "*", Capability: "kv", Resource: "kv://*/guestbook/**", Operations: []string{"get", "set", "increment", "delete"}},
		{ID: "idle", App: "guestbook", Component: "web", Capability: "http", Resource: "https://example.com/**", Operations: []string{"GET"}},
	} {
		if _, err := broker.AddGrant(grants, g); err != nil {
			t.Fatal(err)
		}
	}
	if err := broker.RevokeGrant(grants, "guestbook-kv"); err != nil {
		t.Fatal(err)
	}
	t.Run("served", func(t *testing.T) {
		s := serve(t, dir)
		if status := post(t, s, "hello"); status != http.StatusSeeOther {
			t.Fatalf("status %d", status)
		}
	})
	audit := usedAudit(t, dir)
	byID := map[string]writ.UsedGrant{}
	for _, g := range audit.Grants {
		byID[g.ID] = g
	}
	wide, idle := byID["wide"], byID["idle"]
	if wide.Used["set"] != 1 || wide.Used["increment"] != 1 || wide.Last.IsZero() {
		t.Errorf("wide: %+v", wide)
	}
	if got := strings.Join(wide.Unused, " "); got != "delete" {
		t.Errorf("wide: unused %q", got)
	}
	if got := strings.Join(wide.Resources, " "); got != "kv://default/guestbook/**" {
		t.Errorf("wide: used on %q", got)
	}
	if idle.Since.IsZero() || !idle.Last.IsZero() || idle.Count != 0 {
		t.Errorf("idle: %+v", idle)
	}

	checkHistory(t, dir)
	text, err := audit.Suggest()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"kv://default/guestbook/**"`, `["get","increment","set"]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in the suggestion:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "idle") {
		t.Errorf("a grant that was never used is suggested:\n%s", text)
	}
	writeFile(t, grants, string(text))
	t.Run("as suggested", func(t *testing.T) {
		if status := post(t, serve(t, dir), "hello"); status != http.StatusSeeOther {
			t.Errorf("status %d", status)
		}
	})
}

// checkHistory holds writ audit to what the ledger tells of the same run.
func checkHistory(t *testing.T, dir string) {
	t.Helper()
	app, err := writ.LoadApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	audit, err := writ.NewAudit(t.Context(), []*writ.App{app})
	if err == nil {
		err = audit.AddHistory(t.Context(), []*writ.App{app})
	}
	if err != nil {
		t.Fatal(err)
	}
	if l := audit.Apps[0].Ledger; l == nil || l.Fault != "" || l.Leaves == 0 || l.Root == "" {
		t.Fatalf("ledger %+v", l)
	}
	told := map[string]string{}
	for _, g := range audit.Apps[0].Components[0].Grants {
		if g.Since == nil || g.Used == nil {
			t.Fatalf("%s: since %v, used %v", g.ID, g.Since, g.Used)
		}
		told[g.ID] = audit.Apps[0].History(g)
	}
	if !strings.Contains(told["idle"], "never used") || !strings.Contains(told["wide"], ", last 2") {
		t.Errorf("told %q", told)
	}
}

// What a grant was used for before its text changed is not held for a use of what it is now.
func TestAChangedGrantBeginsAnew(t *testing.T) {
	dir := guestbookDir(t)
	grants := filepath.Join(dir, "grants.json")
	t.Run("served", func(t *testing.T) {
		s := serve(t, dir)
		post(t, s, "hello")
		writeFile(t, grants, strings.Replace(readFile(t, grants), `"get", "set", "increment"`, `"get"`, 1))
		eventually(t, "it is denied", func() bool { return post(t, s, "hello") != http.StatusSeeOther })
	})
	audit := usedAudit(t, dir)
	if len(audit.Grants) != 1 || audit.Grants[0].Used["set"] != 0 {
		t.Errorf("grants %+v", audit.Grants)
	}
	// The change may come between the two writes of a request.
	if len(audit.Denials) != 1 || audit.Denials[0].Operation != "increment" && audit.Denials[0].Operation != "set" {
		t.Errorf("denials %+v", audit.Denials)
	}
}
