package broker

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestParseGrantsRefuses(t *testing.T) {
	one := func(more string) string {
		return "{\"grants\": [\n  {\"id\":\"g\",\"app\":\"a\",\"component\":\"c\",\"capability\":\"kv\",\n   \"resource\":\"kv://a/b\",\"operations\":[\"get\"]" + more + "}\n]}\n"
	}
	for _, test := range []struct{ text, want string }{
		{``, "grants.json:1:1: "},
		{`[]`, "grants.json:1:1: grants.json is not an object"},
		{`{"grant": []}`, `grants.json:1:2: unknown key "grant"`},
		{`{"grants": {}}`, `grants.json:1:12: "grants" is not a list`},
		{`{"grants": [7]}`, `grants.json:1:13: grant is not an object`},
		{`{"grants": [], "grants": []}`, `grants.json:1:16: key "grants" is there twice`},
		{"{\"grants\": [\n]\n", "grants.json:3:1: "},
		{"{\n // comment\n\"grants\": []}", "grants.json:2:2: not plain JSON"},
		{"{\"grants\": [],\n}", "grants.json:2:1: not plain JSON"},
		{strings.Repeat("[", 1<<20), "grants.json:1:17: more than 16"},
		{one(`, "colour": 1`), `grants.json:3:48: unknown key "colour"`},
		{one(`, "id": "h"`), `grants.json:3:48: key "id" is there twice`},
		{one(`, "when": 7`), `grants.json:3:56: "when" is not a string`},
		{one(`, "when": "a-b"`), `grants.json:3:56: "a-b" is not the name of a rule`},
		{one(`, "expires": "tomorrow"`), `grants.json:3:59: "expires" is "tomorrow"`},
		{one(`, "limits": {"calls": 1}`), `grants.json:3:59: unknown key "calls" in limits`},
		{one(`, "limits": {"max_bytes": 0}`), `grants.json:3:72: "max_bytes" is 0`},
		{one(`, "limits": {"max_bytes": 1.5}`), `grants.json:3:72: "max_bytes" is 1.5`},
		{one(`, "limits": {"max_bytes": "1"}`), `grants.json:3:72: "max_bytes" is not a number`},
		{one(`}, {"id":"g","app":"a","component":"c","capability":"kv","resource":"kv://a/b","operations":["get"]`),
			`grants.json:3:49: id "g" is taken by line 2`},
		{`{"grants":[{"id":"g"}]}`, `grants.json:1:12: grant "g" names no app`},
		{`{"grants":[{"id":"g","app":"a"}]}`, `names no component`},
		{`{"grants":[{"id":"","app":"a","component":"c"}]}`, `grants.json:1:18: id ""`},
		{`{"grants":[{"id":"g","app":"a","component":"c","capability":"kv","resource":"kv://a","operations":["get"]}]}`,
			`grants.json:1:77: resource "kv://a": no key`},
		{`{"grants":[{"id":"g","app":"a","component":"c","capability":"kv","resource":"sql://a/b","operations":["get"]}]}`,
			`grants.json:1:77: resource "sql://a/b" is not one of capability "kv"`},
		{`{"grants":[{"id":"g","app":"a","component":"c","capability":"kv","resource":"kv://a/b","operations":["fetch"]}]}`,
			`grants.json:1:101: capability "kv" has no operation "fetch"`},
		{`{"grants":[{"id":"g","app":"a","component":"c","capability":"kv","resource":"kv://a/b","operations":[]}]}`,
			`grants.json:1:101: no operations`},
		{`{"grants":[{"id":"g","app":"a","component":"c","capability":"kvs","resource":"kv://a/b","operations":["call"]}]}`,
			`grants.json:1:61: unknown capability "kvs"`},
		{`{"grants":[{"id":"g","app":"a","component":"c","capability":"http","resource":"http://a/b","operations":["get"]}]}`,
			`has no operation "get"`},
		{`{"denials":[{"id":"d","app":"a","expires":"x"}]}`, `grants.json:1:33: unknown key "expires" in denial`},
	} {
		_, err := ParseGrants("grants.json", []byte(test.text))
		if err == nil || !strings.HasPrefix(err.Error(), "grants.json:") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.90s:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestEditKeepsForm(t *testing.T) {
	const before = `{
  "grants": [
    {"id": "one", "app": "a", "component": "c",   "capability": "kv",
     "resource": "kv://a/b", "operations": ["get"]},
    {"id": "two", "app": "a", "component": "c", "capability": "kv", "resource": "kv://a/c", "operations": ["get"]}
  ]
}
`
	path := filepath.Join(t.TempDir(), "grants.json")
	write(t, path, before)
	grant := Grant{App: "a", Component: "c", Capability: KV, Resource: "kv://a/<d>", Operations: []string{Get, Set},
		Limits: Limits{MaxBytes: 7}, Expires: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), Reason: "why"}
	added, err := AddGrant(path, grant)
	if err != nil {
		t.Fatal(err)
	}
	if added.ID != "a-c-kv" || added.Origin.Line != 6 {
		t.Errorf("added %+v", added)
	}
	line := `,
    {"id":"a-c-kv","app":"a","component":"c","capability":"kv","resource":"kv://a/<d>","operations":["get","set"],"limits":{"max_bytes":7},"expires":"2030-01-02T03:04:05Z","reason":"why"}
  ]
}
`
	want := strings.TrimSuffix(before, "\n  ]\n}\n") + line
	if got := read(t, path); got != want {
		t.Errorf("after adding:\n%s\nwant\n%s", got, want)
	}
	if err := RevokeGrant(path, "a-c-kv"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != before {
		t.Errorf("after revoking:\n%s", got)
	}
	for _, id := range []string{"one", "two"} {
		if err := RevokeGrant(path, id); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := ReadGrants(path); err != nil || len(f.Grants) != 0 {
		t.Errorf("after revoking all: %v\n%s", err, read(t, path))
	}
	if err := RevokeGrant(path, "one"); !errors.Is(err, ErrNoSuchGrant) {
		t.Errorf("revoking what is not there: %v", err)
	}
	if _, err := AddGrant(path, Grant{App: "a", Component: "c", Capability: KV, Resource: "kv://a", Operations: []string{Get}}); err == nil {
		t.Error("a bad grant was added")
	}
	if added, err = AddGrant(path, grant); err != nil || added.ID != "a-c-kv" {
		t.Errorf("adding to an empty list: %v\n%s", err, read(t, path))
	}
}

func TestEditNewFile(t *testing.T) {
	for _, text := range []string{"", "{}", `{"denials": []}`, `{"grants": []}`} {
		path := filepath.Join(t.TempDir(), "grants.json")
		if text != "" {
			write(t, path, text)
		}
		g := Grant{ID: "x", App: "a", Component: "*", Capability: "acme", Resource: "a:b/c#d", Operations: []string{Invoke}}
		for _, id := range []string{"x", "y"} {
			g.ID = id
			if _, err := AddGrant(path, g); err != nil {
				t.Errorf("adding to %q: %v", text, err)
			}
		}
		if f, err := ReadGrants(path); err != nil || len(f.Grants) != 2 {
			t.Errorf("%q became %v:\n%s", text, err, read(t, path))
		}
		if _, err := AddGrant(path, g); err == nil {
			t.Error("the same id was added twice")
		}
	}
}

func TestConcurrentEdits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grants.json")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := AddGrant(path, Grant{App: "a", Component: "c", Capability: KV, Resource: "kv://a/b", Operations: []string{Get}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if f, err := ReadGrants(path); err != nil || len(f.Grants) != 16 {
		t.Errorf("16 edits at once: %v\n%s", err, read(t, path))
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FuzzParseGrants checks that what was taken can be edited, and that an error names a place.
func FuzzParseGrants(f *testing.F) {
	f.Add([]byte(guestbookGrants))
	f.Add([]byte(`{"grants":[ ] }`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := ParseGrants("g", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "g:") {
				t.Errorf("error without a place: %v", err)
			}
			return
		}
		g := Grant{ID: file.newID(Grant{}) + "new", App: "a", Component: "c", Capability: KV, Resource: "kv://a/b", Operations: []string{Get}}
		added, err := file.with(g)
		if err != nil {
			t.Fatal(err)
		}
		next, err := ParseGrants("g", added)
		if err != nil || len(next.Grants) != len(file.Grants)+1 {
			t.Fatalf("after adding: %v\n%s", err, added)
		}
		back, err := next.without(g.ID)
		if err != nil {
			t.Fatal(err)
		}
		if last, err := ParseGrants("g", back); err != nil || len(last.Grants) != len(file.Grants) {
			t.Errorf("after revoking: %v\n%s", err, back)
		}
	})
}
