package kit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

// touch is a statement with what it has to be known to touch: verbs, each with
// which of the rule's two tables.
type touch struct {
	text  string
	verbs []string // "select a"
}

func touches(a, c string) []touch {
	return []touch{
		{"SELECT id FROM " + a, []string{"select " + a}},
		{"INSERT INTO " + a + " VALUES (10, 'x')", []string{"insert " + a}},
		{"UPDATE " + a + " SET v = 'x'", []string{"update " + a}},
		{"DELETE FROM " + a, []string{"delete " + a}},
		{"DROP TABLE " + a, []string{"ddl " + a}},
		{"SELECT 1 FROM " + a + " JOIN " + c + " ON " + a + ".id = " + c + ".id", []string{"select " + a, "select " + c}},
		{"SELECT id FROM " + a + " UNION SELECT id FROM " + c, []string{"select " + a, "select " + c}},
		{"SELECT (SELECT count(*) FROM " + c + ") FROM " + a, []string{"select " + a, "select " + c}},
		{"WITH " + a + " AS (SELECT id FROM " + c + ") SELECT id FROM " + a, []string{"select " + c}},
		{"INSERT INTO " + a + " SELECT id, v FROM " + c, []string{"insert " + a, "select " + c}},
		{"UPDATE " + a + " SET v = (SELECT max(v) FROM " + c + ")", []string{"update " + a, "select " + c}},
		{"DELETE FROM " + a + " WHERE id IN (SELECT id FROM " + c + ")", []string{"delete " + a, "select " + c}},
		{"SELECT id /* FROM nothing */ FROM -- " + c + "\n " + a, []string{"select " + a}},
	}
}

func accessNames(list []backend.Access) []string {
	var out []string
	for _, a := range list {
		table := strings.ToLower(a.Table)
		if i := strings.LastIndexByte(table, '.'); i >= 0 { // the schema that it is in
			table = table[i+1:]
		}
		out = append(out, a.Verb+" "+table)
	}
	return out
}

// twoTables are a and c, with two rows each.
func (b *bench) twoTables() (a, c string, drop func(), err error) {
	a, dropA, err := b.table("id INTEGER PRIMARY KEY, v TEXT")
	if err != nil {
		return "", "", nil, err
	}
	c, dropC, err := b.table("id INTEGER PRIMARY KEY, v TEXT")
	if err != nil {
		dropA()
		return "", "", nil, err
	}
	for _, t := range []string{a, c} {
		if _, err = b.run("INSERT INTO " + t + " VALUES (1, 'a'), (2, 'b')"); err != nil {
			break
		}
	}
	return a, c, func() { dropA(); dropC() }, err
}

func sqlAccesses(b *bench) error {
	a, c, drop, err := b.twoTables()
	if err != nil {
		return err
	}
	defer drop()
	for _, t := range touches(a, c) {
		p, err := b.p.SQL().Prepare(b.ctx, sqlAt, t.text)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", t.text, err)
		}
		found := accessNames(p.Accesses)
		for _, v := range t.verbs {
			if !slices.Contains(found, v) {
				return fmt.Errorf("%q touches %v; %s is missing", t.text, found, v)
			}
		}
		if writes := !strings.HasPrefix(t.verbs[0], "select "); p.Writes != writes {
			return fmt.Errorf("%q: writes is %v", t.text, p.Writes)
		}
	}
	return b.unchanged(a, c) // by preparing
}

func (b *bench) unchanged(tables ...string) error {
	for _, t := range tables {
		r, err := b.run("SELECT id, v FROM " + t + " ORDER BY id")
		if err != nil {
			return err
		}
		if got := fmt.Sprint(flat(r.Rows.Rows)); got != "[1 a 2 b]" {
			return fmt.Errorf("the table has changed to %s", got)
		}
	}
	return nil
}

func sqlStale(b *bench) error {
	a, c, drop, err := b.twoTables()
	if err != nil {
		return err
	}
	defer drop()
	for _, t := range touches(a, c) {
		p, err := b.p.SQL().Prepare(b.ctx, sqlAt, t.text)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", t.text, err)
		}
		for i := range p.Accesses {
			less := slices.Delete(slices.Clone(p.Accesses), i, i+1)
			if _, err := b.p.SQL().Execute(b.ctx, sqlAt, backend.Statement{Text: t.text, Allowed: less}); !sqlIs(err, backend.Stale) {
				return fmt.Errorf("%q without %s on %s: %v; want CODE_STALE", t.text, p.Accesses[i].Verb, p.Accesses[i].Table, err)
			}
		}
	}
	return b.unchanged(a, c)
}

// sqlView has a view that comes to mean something else after it was prepared.
func sqlView(b *bench) error {
	a, c, drop, err := b.twoTables()
	if err != nil {
		return err
	}
	defer drop()
	view := a + "_view"
	if _, err := b.run("CREATE VIEW " + view + " AS SELECT v FROM " + a); err != nil {
		if sqlIs(err, backend.NotAllowed, backend.Syntax) {
			return skip("it has no views")
		}
		return err
	}
	text := "SELECT v FROM " + view
	p, err := b.p.SQL().Prepare(b.ctx, sqlAt, text)
	if err != nil {
		return err
	}
	for _, change := range []string{"DROP VIEW " + view, "CREATE VIEW " + view + " AS SELECT v FROM " + c} {
		if _, err := b.run(change); err != nil {
			return err
		}
	}
	defer func() { _, _ = b.run("DROP VIEW " + view) }()
	if _, err := b.p.SQL().Execute(b.ctx, sqlAt, backend.Statement{Text: text, Allowed: p.Accesses}); !sqlIs(err, backend.Stale) {
		return fmt.Errorf("a view that reads another table since it was prepared: %v; want CODE_STALE", err)
	}
	return nil
}

func sqlOneStatement(b *bench) error {
	a, c, drop, err := b.twoTables()
	if err != nil {
		return err
	}
	defer drop()
	for _, text := range []string{
		"SELECT 1; DELETE FROM " + a, "SELECT 1;;DELETE FROM " + a, "SELECT 1; /* */ DROP TABLE " + a,
		"DELETE FROM " + a + " WHERE id = 9; DELETE FROM " + c,
	} {
		all := []backend.Access{{Verb: "delete", Table: a}, {Verb: "delete", Table: c}, {Verb: "ddl", Table: a}, {Verb: "select", Table: a}}
		_, err := b.p.SQL().Execute(b.ctx, sqlAt, backend.Statement{Text: text, Allowed: all})
		if !sqlIs(err, backend.NotAllowed, backend.Syntax) {
			return fmt.Errorf("%q: %v; want CODE_NOT_ALLOWED", text, err)
		}
	}
	return b.unchanged(a, c)
}

// sqlControl are statements that would get round Begin and End.
func sqlControl(b *bench) error {
	for _, text := range []string{"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a", "START TRANSACTION"} {
		_, err := b.p.SQL().Execute(b.ctx, sqlAt, backend.Statement{Text: text})
		if !sqlIs(err, backend.NotAllowed, backend.Syntax) {
			return fmt.Errorf("%q: %v; want CODE_NOT_ALLOWED", text, err)
		}
	}
	return b.alive()
}
