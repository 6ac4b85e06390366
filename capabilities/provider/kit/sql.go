package kit

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

// sqlAt is who the kit is to a database; sqlOther is somebody else.
var (
	sqlAt    = backend.Caller{Database: "kit", App: "kit", Component: "kit", Grant: "kit"}
	sqlOther = backend.Caller{Database: "kit", App: "other", Component: "kit", Grant: "kit"}
)

func sqlIs(err error, codes ...backend.Code) bool {
	return err != nil && slices.Contains(codes, backend.AsError(err).Code)
}

// run prepares a statement and executes it with whatever it touches.
func (b *bench) run(text string, parameters ...backend.Value) (backend.Result, error) {
	return b.runIn(0, text, parameters...)
}

func (b *bench) runIn(transaction uint64, text string, parameters ...backend.Value) (backend.Result, error) {
	p, err := b.p.SQL().Prepare(b.ctx, sqlAt, text)
	if err != nil {
		return backend.Result{}, fmt.Errorf("prepare %q: %w", text, err)
	}
	r, err := b.p.SQL().Execute(b.ctx, sqlAt, backend.Statement{Text: text, Parameters: parameters, Allowed: p.Accesses, Transaction: transaction})
	if err != nil {
		return r, fmt.Errorf("execute %q: %w", text, err)
	}
	return r, nil
}

// table makes a table whose name nobody else has: a database may be one that
// stays. drop removes it.
func (b *bench) table(columns string) (name string, drop func(), err error) {
	name = fmt.Sprintf("kit_%08x", rand.Uint32())
	_, err = b.run("CREATE TABLE " + name + " (" + columns + ")")
	return name, func() { _, _ = b.run("DROP TABLE " + name) }, err
}

// count is the only value of a statement's only row, a number.
func (b *bench) count(text string, parameters ...backend.Value) (int64, error) {
	r, err := b.run(text, parameters...)
	if err != nil {
		return 0, err
	}
	if len(r.Rows.Rows) != 1 || len(r.Rows.Rows[0]) != 1 || r.Rows.Rows[0][0].Kind != backend.Integer {
		return 0, fmt.Errorf("%q: answered %v and not one number", text, r.Rows.Rows)
	}
	return r.Rows.Rows[0][0].Int, nil
}

// counts checks a statement that answers with one number.
func (b *bench) counts(want int64, text string) error {
	n, err := b.count(text)
	if err == nil && n != want {
		err = fmt.Errorf("%q: %d, want %d", text, n, want)
	}
	return err
}

func sqlRows(b *bench) error {
	t, drop, err := b.table("id INTEGER PRIMARY KEY, v TEXT")
	if err != nil {
		return err
	}
	defer drop()
	for _, step := range []struct {
		text     string
		affected int64
	}{
		{"INSERT INTO " + t + " VALUES (1, 'a'), (2, 'b'), (3, NULL)", 3},
		{"UPDATE " + t + " SET v = 'c' WHERE id > 1", 2},
		{"DELETE FROM " + t + " WHERE id = 2", 1},
		{"DELETE FROM " + t + " WHERE id = 2", 0},
	} {
		r, err := b.run(step.text)
		if err != nil {
			return err
		}
		if r.Affected != step.affected {
			return fmt.Errorf("%q: %d rows changed, want %d", step.text, r.Affected, step.affected)
		}
	}
	r, err := b.run("SELECT id, v FROM " + t + " ORDER BY id")
	if err != nil {
		return err
	}
	if got, want := fmt.Sprint(flat(r.Rows.Rows)), "[1 a 3 c]"; got != want {
		return fmt.Errorf("the rows are %s, want %s", got, want)
	}
	if len(r.Columns) != 2 || r.Columns[0].Name != "id" || r.Columns[1].Name != "v" {
		return fmt.Errorf("the columns are %v, want id and v", r.Columns)
	}
	return nil
}

// flat has the values of rows, one after the other.
func flat(rows [][]backend.Value) []string {
	var out []string
	for _, row := range rows {
		for _, v := range row {
			switch v.Kind {
			case backend.Integer:
				out = append(out, fmt.Sprint(v.Int))
			case backend.Null:
				out = append(out, "null")
			default:
				out = append(out, v.Text)
			}
		}
	}
	return out
}

// sqlTypes are columns by what they hold, with the names that databases have
// for them.
var sqlTypes = []struct {
	names  []string
	values []backend.Value
}{
	{[]string{"BOOLEAN"}, []backend.Value{backend.Bool(true), backend.Bool(false)}},
	{[]string{"BIGINT"}, []backend.Value{backend.Int(0), backend.Int(math.MaxInt64), backend.Int(math.MinInt64)}},
	{[]string{"DOUBLE PRECISION"}, []backend.Value{backend.Float(1.5), backend.Float(-2.25e-300), backend.Float(math.MaxFloat64), backend.Float(0.1)}},
	{[]string{"TEXT"}, []backend.Value{backend.String(backend.Text, ""), backend.String(backend.Text, "'; DROP TABLE x; --"),
		backend.String(backend.Text, "日本 e\u0301 \u00e9 😀 $1 ?1 \\"), backend.String(backend.Text, strings.Repeat("long ", 1<<16))}},
	{[]string{"BYTEA", "BLOB"}, []backend.Value{{Kind: backend.Blob, Bytes: everyByte()}, {Kind: backend.Blob}}},
}

func everyByte() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func sqlValues(b *bench) error {
	for _, t := range sqlTypes {
		var errs []error
		ok := slices.ContainsFunc(t.names, func(name string) bool {
			err := b.roundTrip(name, append(t.values, backend.Value{}))
			errs = append(errs, err)
			return err == nil
		})
		if !ok {
			return errors.Join(errs...)
		}
	}
	return nil
}

// roundTrip has values come back from a column of a type.
func (b *bench) roundTrip(columnType string, values []backend.Value) error {
	t, drop, err := b.table("id INTEGER PRIMARY KEY, v " + columnType)
	if err != nil {
		return err
	}
	defer drop()
	for i, v := range values {
		if _, err := b.run("INSERT INTO "+t+" VALUES ($1, $2)", backend.Int(int64(i)), v); err != nil {
			return fmt.Errorf("%s value %d: %w", columnType, i, err)
		}
		r, err := b.run("SELECT v FROM "+t+" WHERE id = $1", backend.Int(int64(i)))
		if err != nil {
			return err
		}
		if len(r.Rows.Rows) != 1 || !same(r.Rows.Rows[0][0], v) {
			return fmt.Errorf("%s: value %d of kind %d came back as %.80v", columnType, i, v.Kind, r.Rows.Rows)
		}
	}
	return nil
}

func same(a, b backend.Value) bool {
	return a.Kind == b.Kind && a.Int == b.Int && a.Text == b.Text && bytes.Equal(a.Bytes, b.Bytes)
}

func sqlParameters(b *bench) error {
	for _, with := range [][]backend.Value{nil, {backend.Int(1)}, {backend.Int(1), backend.Int(2), backend.Int(3)}} {
		if _, err := b.run("SELECT CAST($1 AS INTEGER) + CAST($2 AS INTEGER)", with...); !sqlIs(err, backend.Invalid) {
			return fmt.Errorf("%d parameters for a statement that takes 2: %v; want CODE_INVALID", len(with), err)
		}
	}
	n, err := b.count("SELECT CAST($2 AS INTEGER) - CAST($1 AS INTEGER)", backend.Int(1), backend.Int(3))
	if err == nil && n != 2 {
		err = fmt.Errorf("$2 - $1 of 1 and 3 is %d", n)
	}
	return err
}

func sqlSyntax(b *bench) error {
	for _, text := range []string{"", "SELEC 1", "SELECT * FROM kit_no_such_table", "SELECT no_such_column", "SELECT 'open", "SELECT 1 )"} {
		if _, err := b.run(text); !sqlIs(err, backend.Syntax) {
			return fmt.Errorf("%q: %v; want CODE_SYNTAX", text, err)
		}
	}
	return b.alive()
}

func sqlConstraints(b *bench) error {
	t, drop, err := b.table("id INTEGER PRIMARY KEY, u TEXT UNIQUE, n TEXT NOT NULL, c INTEGER CHECK (c > 0), f INTEGER")
	if err != nil {
		return err
	}
	defer drop()
	f, dropOther, err := b.table("id INTEGER PRIMARY KEY REFERENCES " + t + "(id)")
	if err != nil {
		return err
	}
	defer dropOther()
	if _, err := b.run("INSERT INTO " + t + " VALUES (1, 'u', 'n', 1, 1)"); err != nil {
		return err
	}
	for text, want := range map[string]backend.Violated{
		"INSERT INTO " + t + " VALUES (1, 'v', 'n', 1, 1)":  backend.Unique,
		"INSERT INTO " + t + " VALUES (2, 'u', 'n', 1, 1)":  backend.Unique,
		"INSERT INTO " + t + " VALUES (2, 'v', NULL, 1, 1)": backend.NotNull,
		"INSERT INTO " + t + " VALUES (2, 'v', 'n', 0, 1)":  backend.Check,
		"INSERT INTO " + f + " VALUES (7)":                  backend.ForeignKey,
	} {
		_, err := b.run(text)
		if !sqlIs(err, backend.Constraint) || backend.AsError(err).Violated != want {
			return fmt.Errorf("%q: %v; want CODE_CONSTRAINT, violated %d", text, err, want)
		}
	}
	return b.counts(1, "SELECT count(*) FROM "+t)
}
