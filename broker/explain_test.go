package broker

import (
	"slices"
	"strings"
	"testing"
)

const explained = `{"grants":[
{"id":"reads","app":"guestbook","component":"web","capability":"kv","resource":"kv://a/**","operations":["get"]},
{"id":"small","app":"guestbook","component":"web","capability":"kv","resource":"kv://a/b","operations":["set"],"limits":{"max_bytes":5}},
{"id":"tiny","app":"guestbook","component":"web","capability":"kv","resource":"kv://a/calm","operations":["delete"],"limits":{"max_bytes":1}},
{"id":"calm","app":"guestbook","component":"web","capability":"kv","resource":"kv://a/calm","operations":["delete"],"when":"calm"},
{"id":"past","app":"guestbook","component":"web","capability":"kv","resource":"kv://a/past","operations":["delete"],"expires":"2020-01-01T00:00:00Z"}],
"denials":[{"id":"never","capability":"kv","resource":"kv://a/secret","operations":["*"]}]}`

const explainedRules = `package writ

grants contains grant if {
	some grant in data.grants
	grant.component == input.component.name
}

grants contains {"id": "gold", "capability": "kv", "resource": "kv://gold/**", "operations": ["get"]} if {
	input.component.labels.tier == "gold"
}

denials contains d if some d in data.denials
denials contains {"id": "by-rule", "capability": "kv", "resource": "kv://b/**", "operations": ["*"]}
`

func explainer(t *testing.T) *Broker {
	return guestbook(t, Config{}, explained, map[string]string{"p.rego": explainedRules,
		"c.rego": "package writ.conditions\n\ncalm := false if {\n\tinput.bytes > 3\n} else if {\n\tinput.bytes < 2\n\tinput.operation == \"get\"\n}"})
}

func TestExplain(t *testing.T) {
	b := explainer(t)
	for name, test := range map[string]struct {
		call     Call
		reason   Reason
		nearest  string
		short    string
		smallest bool
	}{
		"operation": {Call{KV, Delete, "kv://a/x", 0}, NoGrant, "reads", "it reaches the resource for get, and not for delete", true},
		"resource":  {Call{KV, Get, "kv://other/x", 0}, NoGrant, "reads", "it allows get on kv://a/** only", true},
		"size":      {Call{KV, Set, "kv://a/b", 9}, TooLarge, "small", "it allows 5 bytes a call, and this one had 9", false},
		"condition": {Call{KV, Delete, "kv://a/calm", 9}, ConditionFalse, "calm", "its condition calm did not hold", false},
		"expired":   {Call{KV, Delete, "kv://a/past", 0}, Expired, "past", "it expired at 2020-01-01 00:00:00 UTC", true},
		"denied":    {Call{KV, Get, "kv://a/secret", 0}, Denied, "", "", false},
	} {
		e, err := b.Explain(t.Context(), "guestbook", "web", test.call)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e.Allowed || e.Reason != test.reason || (e.Smallest != nil) != test.smallest {
			t.Errorf("%s: %+v", name, e)
		}
		if test.nearest != "" && (len(e.Nearest) == 0 || e.Nearest[0].Grant.ID != test.nearest || e.Nearest[0].Why != test.short) {
			t.Errorf("%s: nearest %+v", name, e.Nearest)
		}
		if d := b.Subject("guestbook", "web").Decide(t.Context(), test.call); d.Reason != e.Reason || d.Allowed != e.Allowed {
			t.Errorf("%s: the decision is %v and the explanation of %v", name, d.Reason, e.Reason)
		}
	}
}

// The smallest grant that an explanation names allows the call, and no other.
func TestSmallestGrant(t *testing.T) {
	b := explainer(t)
	call := Call{KV, Delete, KVResource("a", "we*ird/%2A key"), 0}
	e, err := b.Explain(t.Context(), "guestbook", "web", call)
	if err != nil || e.Smallest == nil {
		t.Fatal(e, err)
	}
	with := guestbook(t, Config{}, `{"grants":[`+e.Smallest.JSON()+`]}`, nil)
	s := with.Subject("guestbook", "web")
	other := call
	other.Resource = KVResource("a", "weXird/%2A key")
	if !s.Decide(t.Context(), call).Allowed || s.Decide(t.Context(), other).Allowed {
		t.Errorf("the grant is %s", e.Smallest.JSON())
	}
}

func TestExplainNamesRules(t *testing.T) {
	b := explainer(t)
	e, err := b.Explain(t.Context(), "guestbook", "web", Call{KV, Get, "kv://gold/x", 0})
	if err != nil || len(e.Rules) != 1 {
		t.Fatalf("%+v %v", e, err)
	}
	r := e.Rules[0]
	if r.Origin.String() != "p.rego:8" || len(r.Failed) != 1 || r.Failed[0].Line != 9 || !slices.Contains(r.Failed[0].Values, "input.component.labels.tier is undefined") {
		t.Errorf("no grant: %+v", r)
	}
	e, err = b.Explain(t.Context(), "guestbook", "web", Call{KV, Get, "kv://b/x", 0})
	if err != nil || e.Denial == nil || e.Denial.Origin.String() != "p.rego:13" {
		t.Errorf("denied by a rule: %+v %v", e, err)
	}
	e, err = b.Explain(t.Context(), "guestbook", "web", Call{KV, Delete, "kv://a/calm", 2})
	if err != nil || e.Reason != ConditionError || len(e.Rules) == 0 {
		t.Fatalf("undefined condition: %+v %v", e, err)
	}
	if f := e.Rules[0].Failed; len(f) == 0 || f[0].Text != "input.bytes > 3" || f[0].Values[0] != "input.bytes = 2" {
		t.Errorf("undefined condition: %+v", e.Rules)
	}
}

func TestDenialsTellTheNearestGrant(t *testing.T) {
	var seen []Record
	var calls []Call
	b := guestbook(t, Config{Observer: observe(func(r Record) { seen = append(seen, r) }),
		OnDeny: func(_ Record, c Call) { calls = append(calls, c) }}, explained, map[string]string{"c.rego": "package writ.conditions\n\ncalm := false"})
	s := b.Subject("guestbook", "web")
	for _, c := range []Call{{KV, Delete, "kv://a/visitor-7", 0}, {KV, Get, "kv://a/secret", 0}, {"acme", Invoke, "acme:x/y#z", 0}} {
		s.Decide(t.Context(), c)
	}
	b.Close()
	want := []struct{ nearest, short string }{
		{"reads", "it reaches the resource for get, and not for delete"},
		{"never", "never denies * on kv://a/secret, whatever is granted"},
		{"", "nothing of capability acme is granted"},
	}
	ids := map[string]bool{}
	for i, r := range seen {
		ids[r.ID] = true
		if r.Nearest != want[i].nearest || r.Short != want[i].short || strings.Contains(r.Short+r.Resource, "visitor-7") {
			t.Errorf("record %d: %+v", i, r)
		}
	}
	if len(seen) != 3 || len(ids) != 3 || ids[""] || calls[0].Resource != "kv://a/visitor-7" {
		t.Errorf("%d records, ids %v, calls %v", len(seen), ids, calls)
	}
}

type observe func(Record)

func (f observe) Observe(r Record) { f(r) }
