package broker

import (
	"context"
	"testing"
)

const guestbookGrants = `{
  "grants": [
    {"id": "guestbook-kv", "app": "guestbook", "component": "web", "capability": "kv",
     "resource": "kv://default/guestbook/*", "operations": ["get", "set"], "reason": "visitors' messages"},
    {"id": "ledger", "app": "guestbook", "component": "*", "capability": "kv",
     "resource": "kv://ledger/**", "operations": ["*"], "limits": {"max_bytes": 10}}
  ],
  "denials": [
    {"id": "no-secrets", "capability": "kv", "resource": "kv://ledger/secret/**", "operations": ["*"]}
  ]
}
`

func guestbook(t testing.TB, config Config, grants string, modules map[string]string) *Broker {
	t.Helper()
	file, err := ParseGrants("grants.json", []byte(grants))
	if err != nil {
		t.Fatal(err)
	}
	b := New(config)
	t.Cleanup(func() { b.Close() })
	if err := b.Load(context.Background(), Source{Modules: modules, Grants: file, Apps: guestbookApps()}); err != nil {
		t.Fatal(err)
	}
	return b
}

func guestbookApps() []App {
	return []App{{Name: "guestbook", Components: []Component{{Name: "web"}, {Name: "worker"}}}}
}

func TestDecide(t *testing.T) {
	b := guestbook(t, Config{}, guestbookGrants, nil)
	for _, test := range []struct {
		component, op, store, key string
		bytes                     int64
		reason                    Reason
		grant                     string
	}{
		{"web", Get, "default", "guestbook/1", 0, Granted, "guestbook-kv"},
		{"web", Set, "default", "guestbook/", 1 << 40, Granted, "guestbook-kv"},
		{"web", Delete, "default", "guestbook/1", 0, NoGrant, ""},
		{"web", Get, "default", "guestbook/1/2", 0, NoGrant, ""},
		{"web", Get, "default", "guestbook", 0, NoGrant, ""},
		{"web", Get, "default/guestbook", "1", 0, NoGrant, ""},
		{"worker", Get, "default", "guestbook/1", 0, NoGrant, ""},
		{"stranger", Get, "default", "guestbook/1", 0, NoGrant, ""},
		{"worker", CAS, "ledger", "a/b/c", 10, Granted, "ledger"},
		{"worker", CAS, "ledger", "a/b/c", 11, TooLarge, "ledger"},
		{"worker", CAS, "ledger", "secret/1", 0, Denied, ""},
		{"worker", CAS, "ledger", "secret", 0, Granted, "ledger"},
	} {
		call := Call{KV, test.op, KVResource(test.store, test.key), test.bytes}
		d := b.Subject("guestbook", test.component).Decide(context.Background(), call)
		if d.Reason != test.reason || d.Allowed != (test.reason == Granted) || d.GrantID() != test.grant {
			t.Errorf("%s: %+v: %v by %q, want %v by %q", test.component, call, d.Reason, d.GrantID(), test.reason, test.grant)
		}
	}
}

// TestNothingIsCoveredWhileSuspended: what is asked about once for many operations is not granted either.
func TestNothingIsCoveredWhileSuspended(t *testing.T) {
	b := guestbook(t, Config{}, guestbookGrants, nil)
	s := b.Subject("guestbook", "web")
	b.Suspend()
	if d := s.Covers(KV, "", KVStore("default")); d.Allowed || d.Reason != Suspended {
		t.Errorf("suspended: %+v", d)
	}
	b.Resume()
	if d := s.Covers(KV, "", KVStore("default")); !d.Allowed {
		t.Errorf("resumed: %+v", d)
	}
}

func TestCovers(t *testing.T) {
	b := guestbook(t, Config{}, guestbookGrants, nil)
	for _, test := range []struct {
		component, op, prefix string
		want                  bool
	}{
		{"web", "", KVStore("default"), true},
		{"web", Get, KVStore("default"), true},
		{"web", Delete, KVStore("default"), false},
		{"web", "", KVStore("defaul"), false},
		{"web", "", KVStore("ledger"), true},
		{"web", "", KVResource("ledger", "secret/x"), false},
		{"web", "", KVResource("default", "gue"), true},
		{"web", "", KVResource("default", "guestbook/17"), true},
		{"web", "", KVResource("default", "guestbook/17/"), false},
		{"worker", "", KVStore("default"), false},
	} {
		d := b.Subject("guestbook", test.component).Covers(KV, test.op, test.prefix)
		if d.Allowed != test.want {
			t.Errorf("%s %q %s: %v, want %v", test.component, test.op, test.prefix, d.Allowed, test.want)
		}
	}
}
