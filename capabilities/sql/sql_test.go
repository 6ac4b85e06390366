package sql_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/broker"
	"github.com/writ-host/writ/capabilities"
	"github.com/writ-host/writ/capabilities/provider/sqlite"
	"github.com/writ-host/writ/capabilities/sql"
	"github.com/writ-host/writ/capabilities/sql/backend"
	"github.com/writ-host/writ/wit"
)

// grants is a subject that is granted "operation table" lines of the database main.
type grants map[string]bool

func (g grants) Decide(_ context.Context, c broker.Call) broker.Decision {
	table, ok := strings.CutPrefix(c.Resource, "sql://main/")
	if ok && c.Capability == "sql" && (g[c.Operation+" "+table] || g["*"]) {
		return broker.Decision{Allowed: true, Grant: &broker.Grant{ID: "g"}}
	}
	return broker.Decision{}
}

func (g grants) Covers(_, _, prefix string) broker.Decision {
	return broker.Decision{Allowed: prefix == "sql://main/" && len(g) > 0}
}

// guest calls the capability as a component does, through the guard.
type guest struct {
	t        *testing.T
	binding  wit.Binding
	spin     wit.Binding // of the same, as Spin has it
	spin3    wit.Binding // and Spin 3
	grants   grants
	instance *capabilities.Instance
}

func newGuest(t *testing.T, lines ...string) *guest {
	t.Helper()
	d, err := sqlite.Open(filepath.Join(t.TempDir(), "data.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	c, err := sql.New(sql.Config{Databases: map[string]sql.Database{"main": {Backend: d}, "other": {Backend: d}}})
	if err != nil {
		t.Fatal(err)
	}
	bindings := capabilities.Guard(c)
	g := &guest{t: t, binding: bindings[0], spin: bindings[1], spin3: bindings[2], grants: grants{"*": true}}
	g.instance = &capabilities.Instance{App: "app", Component: "c", Subject: g.grants}
	for _, s := range []string{"CREATE TABLE orders(id INTEGER PRIMARY KEY, item TEXT)", "CREATE TABLE secrets(word TEXT)",
		"INSERT INTO orders VALUES (1, 'tea'), (2, 'pot')", "INSERT INTO secrets VALUES ('xyzzy')"} {
		if got := g.run("execute", g.open("main"), s); !strings.HasPrefix(got, "ok") {
			t.Fatalf("%s: %s", s, got)
		}
	}
	delete(g.grants, "*")
	for _, l := range lines {
		g.grants[l] = true
	}
	return g
}

// call returns the result's case, and its payload.
func (g *guest) call(name string, args ...wit.Value) (ok bool, v wit.Value) {
	g.t.Helper()
	f := g.binding.Funcs[name]
	if f == nil {
		g.t.Fatalf("no function %s", name)
	}
	c := &wit.Call{Func: g.binding.Interface.Func(name), Args: args, Data: g.instance}
	if err := f(context.Background(), c); err != nil {
		g.t.Fatalf("%s trapped: %v", name, err)
	}
	v, _ = c.Result.Payload()
	return c.Result.Case() == 0, v
}

func (g *guest) open(name string) wit.Value {
	g.t.Helper()
	ok, v := g.call("open", wit.String(name))
	if !ok {
		g.t.Fatalf("open %s: %s", name, problem(v))
	}
	return v
}

// run is a statement's outcome as text: of a query, its rows.
func (g *guest) run(how string, on wit.Value, statement string, parameters ...wit.Value) string {
	g.t.Helper()
	kind := "database"
	if strings.HasPrefix(how, "transaction.") {
		kind, how = "transaction", strings.TrimPrefix(how, "transaction.")
	}
	ok, v := g.call("[method]"+kind+"."+how, on, wit.String(statement), wit.List(parameters...))
	switch {
	case !ok:
		return problem(v)
	case how == "execute":
		return fmt.Sprint("ok ", v.Uint())
	}
	return g.next(v)
}

func (g *guest) next(rows wit.Value) string {
	g.t.Helper()
	ok, v := g.call("[method]rows.next", rows, wit.U32(0))
	if !ok {
		return problem(v)
	}
	var out []string
	for _, row := range v.Items() {
		var values []string
		for _, value := range row.Items() {
			p, _ := value.Payload()
			if value.Case() == uint32(backend.Integer) {
				values = append(values, fmt.Sprint(p.Int()))
			} else {
				values = append(values, p.Text())
			}
		}
		out = append(out, strings.Join(values, " "))
	}
	return "ok " + strings.Join(out, ",")
}

func problem(v wit.Value) string {
	return []string{"access-denied", "no-such-database", "syntax", "not-allowed", "invalid", "constraint", "conflict", "too-large", "timeout",
		"closed", "unavailable", "other"}[v.Case()]
}

func TestGrantsBite(t *testing.T) {
	g := newGuest(t, "select orders", "insert orders")
	db := g.open("main")
	tests := []struct{ how, statement, want string }{
		{"query", "SELECT * FROM orders", "ok 1 tea,2 pot"},
		{"query", "SELECT 1", "ok 1"},
		{"execute", "INSERT INTO orders(item) VALUES ('cup')", "ok 1"},
		{"query", "INSERT INTO orders(item) VALUES ('jar') RETURNING id", "ok 4"},
		{"execute", "UPDATE orders SET item = 'x'", "access-denied"},
		{"execute", "DELETE FROM orders", "access-denied"},
		{"execute", "DROP TABLE orders", "access-denied"},
		{"query", "SELECT * FROM secrets", "access-denied"},
		{"query", "SELECT o.id FROM orders o, secrets", "access-denied"},
		{"execute", "INSERT INTO orders(item) SELECT word FROM secrets", "access-denied"},
		{"query", "SELECT sql FROM sqlite_master", "access-denied"},
		{"query", "SELECT 1; SELECT 2", "not-allowed"},
		{"query", "PRAGMA table_info(orders)", "not-allowed"},
		{"query", "SELEC", "syntax"},
		{"query", "SELECT ?", "invalid"},
		{"execute", "INSERT INTO orders VALUES (1, 'x')", "constraint"},
		{"query", "SELECT '" + strings.Repeat("x", sql.MaxStatement) + "'", "too-large"},
	}
	for _, test := range tests {
		if got := g.run(test.how, db, test.statement); got != test.want {
			t.Errorf("%.80s: %s, and not %s", test.statement, got, test.want)
		}
	}
}

func TestOpen(t *testing.T) {
	g := newGuest(t, "select orders")
	for name, want := range map[string]string{"other": "access-denied", "nothing": "access-denied", strings.Repeat("x", 1000): "access-denied"} {
		if ok, v := g.call("open", wit.String(name)); ok || problem(v) != want {
			t.Errorf("open %.20s: %v", name, ok)
		}
	}
}

func TestRevocationReachesWhatIsOpen(t *testing.T) {
	g := newGuest(t, "select orders", "insert orders")
	db := g.open("main")
	_, rows := g.call("[method]database.query", db, wit.String("SELECT id FROM orders"), wit.List())
	_, transaction := g.call("[method]database.begin", db, wit.Enum(1))
	if got := g.run("transaction.execute", transaction, "INSERT INTO orders(item) VALUES ('cup')"); got != "ok 1" {
		t.Fatal(got)
	}
	delete(g.grants, "insert orders")
	if got := g.run("transaction.execute", transaction, "INSERT INTO orders(item) VALUES ('cup')"); got != "access-denied" {
		t.Errorf("the same statement again: %s", got)
	}
	if ok, v := g.call("[method]transaction.commit", transaction); ok || problem(v) != "access-denied" {
		t.Errorf("commit: %v", ok)
	}
	if ok, _ := g.call("[method]transaction.rollback", transaction); !ok {
		t.Error("rollback is refused")
	}
	if got := g.run("query", db, "SELECT count(*) FROM orders"); got != "ok 2" {
		t.Errorf("orders: %s", got)
	}
	delete(g.grants, "select orders")
	g.grants["select nothing"] = true
	if got := g.next(rows); got != "access-denied" {
		t.Errorf("the rows of a query: %s", got)
	}
}

func TestTransactions(t *testing.T) {
	g := newGuest(t, "*")
	db := g.open("main")
	_, transaction := g.call("[method]database.begin", db, wit.Enum(1))
	text := wit.String("cup")
	if got := g.run("transaction.execute", transaction, "INSERT INTO orders(item) VALUES (?1)", wit.Variant(uint32(backend.Text), &text)); got != "ok 1" {
		t.Fatal(got)
	}
	if got := g.run("query", db, "SELECT count(*) FROM orders"); got != "ok 2" {
		t.Errorf("before the commit: %s", got)
	}
	if ok, v := g.call("[method]transaction.commit", transaction); !ok {
		t.Fatal(problem(v))
	}
	if got := g.run("query", db, "SELECT count(*) FROM orders WHERE item = 'cup'"); got != "ok 1" {
		t.Errorf("after it: %s", got)
	}
	if got := g.run("transaction.query", transaction, "SELECT 1"); got != "closed" {
		t.Errorf("in a transaction that has ended: %s", got)
	}
	_, readOnly := g.call("[method]database.begin", db, wit.Enum(0))
	if got := g.run("transaction.execute", readOnly, "DELETE FROM orders"); got != "not-allowed" {
		t.Errorf("a write in one that reads: %s", got)
	}
}
