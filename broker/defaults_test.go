package broker_test

import (
	"context"
	"testing"

	"github.com/writ-host/writ/broker"
)

func loadText(t *testing.T, f *broker.GrantFile) (*broker.Broker, *broker.Subject) {
	t.Helper()
	b := broker.New(broker.Config{})
	t.Cleanup(func() { _ = b.Close() })
	app := broker.App{Name: "a", Components: []broker.Component{{Name: "c"}}}
	if err := b.Load(t.Context(), broker.Source{Grants: f, Apps: []broker.App{app}}); err != nil {
		t.Fatal(err)
	}
	return b, b.Subject("a", "c")
}

func mustParse(t *testing.T, text string) *broker.GrantFile {
	t.Helper()
	f, err := broker.ParseGrants("grants.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTimeAndRandomAreGrantedUnlessDenied(t *testing.T) {
	wall := broker.Call{Capability: broker.Clock, Operation: broker.Read, Resource: broker.ClockResource("wall")}
	secure := broker.Call{Capability: broker.Random, Operation: broker.Read, Resource: broker.RandomResource("secure")}
	b, s := loadText(t, mustParse(t, broker.EmptyGrants))
	d := s.Decide(context.Background(), wall)
	if !d.Allowed || d.GrantID() != "default-clock" || !s.Valid(d) {
		t.Errorf("the clock: %+v", d)
	}
	if d := s.Decide(context.Background(), secure); !d.Allowed {
		t.Errorf("random numbers: %+v", d)
	}
	if g := b.Grants("a", "c"); len(g) != 2 || g[0].Reason == "" || g[0].Origin.String() != "writ's default policy:22" {
		t.Errorf("the defaults are not listed as grants of the policy, with reason and line: %+v", g)
	}
	_, s = loadText(t, mustParse(t, `{"denials": [{"id": "no-time", "capability": "clock", "resource": "clock:wall", "operations": ["read"]}]}`))
	if d := s.Decide(context.Background(), wall); d.Allowed || d.Reason != broker.Denied {
		t.Errorf("the denied clock: %+v", d)
	}
	if d := s.Decide(context.Background(), secure); !d.Allowed {
		t.Errorf("random numbers beside a denied clock: %+v", d)
	}
}

func TestAPolicyCanLeaveDefaultsOut(t *testing.T) {
	b := broker.New(broker.Config{})
	defer func() { _ = b.Close() }()
	const own = "package writ\n\nimport data.writ.lib.defaults\n\ngrants contains defaults.random\n"
	app := broker.App{Name: "a", Components: []broker.Component{{Name: "c"}}}
	if err := b.Load(t.Context(), broker.Source{Modules: map[string]string{"own.rego": own}, Apps: []broker.App{app}}); err != nil {
		t.Fatal(err)
	}
	if g := b.Grants("a", "c"); len(g) != 1 || g[0].ID != "default-random" || g[0].Origin.String() != "own.rego:5" {
		t.Errorf("granted: %+v", g)
	}
}

func TestNobodyIsGrantedDefaultsBeforeAPolicyWasAsked(t *testing.T) {
	b := broker.New(broker.Config{})
	defer func() { _ = b.Close() }()
	c := broker.Call{Capability: broker.Clock, Operation: broker.Read, Resource: broker.ClockResource("wall")}
	if d := b.Subject("a", "c").Decide(t.Context(), c); d.Allowed {
		t.Error("the clock is granted")
	}
}

func TestExtend(t *testing.T) {
	f := mustParse(t, `{"grants": [
		{"id": "one", "app": "a", "component": "c", "capability": "env", "resource": "env:A", "operations": ["read"]}]}`)
	g := broker.Grant{App: "a", Component: "c", Capability: "env", Resource: "env:B", Operations: []string{"read"}}
	more, err := f.Extend("command line", g, g)
	if err != nil {
		t.Fatal(err)
	}
	b, s := loadText(t, more)
	if d := s.Decide(t.Context(), broker.Call{Capability: "env", Operation: "read", Resource: "env:B"}); !d.Allowed {
		t.Errorf("the grant of the command line: %+v", d)
	}
	origins := map[string]int{}
	for _, g := range b.Grants("a", "c") {
		origins[g.Origin.String()]++
	}
	if origins["command line"] != 2 || origins["grants.json:2"] != 1 || len(f.Grants) != 1 {
		t.Errorf("grants come from %v; the first file has %d", origins, len(f.Grants))
	}
	g.Operations = []string{"fly"}
	if _, err := f.Extend("command line", g); err == nil {
		t.Error("an operation that there is not was taken")
	}
}
