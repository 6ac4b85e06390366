package ledger

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/writ-host/writ/broker"
)

func TestFilter(t *testing.T) {
	redactor := broker.NewRedactor([]byte("key"))
	denied := Entry{Time: time.Unix(100, 0), Kind: Decision, App: "a", Component: "c", Capability: "kv", Operation: "get", Grant: "g",
		Resource: redactor.Resource("kv://default/guestbook/x"), Verdict: Deny}
	allowed := Entry{Time: time.Unix(200, 0), Kind: Decision, App: "a", Component: "d", Capability: "kv", Operation: "get", Grant: "h",
		Resource: "kv://default/guestbook/**", Verdict: Allow}
	added := Entry{Time: time.Unix(300, 0), Kind: Grant, App: "a", Component: "d", Grant: "h", Resource: "kv://default/guestbook/**"}
	for _, test := range []struct {
		name   string
		filter Filter
		want   string // of denied, allowed, added
	}{
		{"all", Filter{}, "yyy"},
		{"app", Filter{App: "b"}, "---"},
		{"component", Filter{Component: "c"}, "y--"},
		{"capability", Filter{Capability: "kv"}, "yy-"},
		{"grant", Filter{Grant: "h"}, "-yy"},
		{"kind", Filter{Kinds: []Kind{Grant}}, "--y"},
		{"since", Filter{Since: time.Unix(200, 0)}, "-yy"},
		{"denied", Filter{Denied: true}, "y--"},
		{"resource with the key", Filter{Resource: "kv://default/guestbook/x", Redactor: redactor}, "=~~"},
		{"resource with another key", Filter{Resource: "kv://default/guestbook/x", Redactor: broker.NewRedactor(nil)}, "-~~"},
		{"another resource", Filter{Resource: "kv://default/other", Redactor: redactor}, "---"},
	} {
		got := ""
		for _, e := range []Entry{denied, allowed, added} {
			how, ok := test.filter.Matches(&e)
			got += map[bool]map[Match]string{true: {"": "y", Exact: "=", ByClass: "~"}, false: {"": "-", Exact: "-", ByClass: "-"}}[ok][how]
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestOPADecision(t *testing.T) {
	e := Located{Leaf: 5, Entry: full()}
	line, ok := e.OPADecision("log")
	if !ok {
		t.Fatal("a decision has no form in OPA's log")
	}
	const want = `{"labels":{"app":"writ","id":"00","leaf":"5","ledger":"log"},"decision_id":"00/7","revision":"2","path":"writ/decision",` +
		`"input":{"app":"a","component":"c","capability":"http","operation":"GET","resource":"https://h:443/~0"},` +
		`"result":{"allow":false,"grant":"g","reason":"no grant","count":3,"detail":"d"},"timestamp":"2027-01-15T08:00:00.000000005Z",` +
		`"metrics":{"timer_rego_query_eval_ns":9}}`
	if string(line) != want || !json.Valid(line) {
		t.Errorf("got  %s\nwant %s", line, want)
	}
	e.Kind = Host
	if _, ok := e.OPADecision("log"); ok {
		t.Error("a change is a decision")
	}
}
