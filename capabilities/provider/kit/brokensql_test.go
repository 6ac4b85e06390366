package kit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-host/writ/capabilities/provider"
	"github.com/writ-host/writ/capabilities/provider/sqlite"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// sqlFaults are of databases, with the rule that must catch each.
var sqlFaults = map[string]string{
	"counts no changed rows":       "a row holds what was written",
	"names no columns":             "a row holds what was written",
	"cuts text":                    "values come back as they were given",
	"takes booleans for numbers":   "values come back as they were given",
	"ignores parameters too many":  "parameters take their places, no fewer and no more",
	"calls every error internal":   "what is not understood is a syntax error",
	"names no constraint":          "a violated constraint is named",
	"forgets a table":              "says what a statement touches, and runs nothing yet",
	"runs what it prepares":        "says what a statement touches, and runs nothing yet",
	"says that all reads":          "says what a statement touches, and runs nothing yet",
	"runs what is not allowed":     "refuses what touches more than is allowed",
	"trusts what it prepared":      "refuses a view that means something else by now",
	"runs the first of many":       "takes one statement at a time",
	"takes BEGIN for nothing":      "transactions begin and end only as operations",
	"commits what is undone":       "a transaction happens as a whole or not at all",
	"writes outside transactions":  "a transaction happens as a whole or not at all",
	"does half of what fails":      "a failed statement leaves no half of itself",
	"writes where it may not":      "a read-only transaction writes nothing",
	"gives transactions to anyone": "a transaction is its owner's, until it ends",
	"ends transactions twice":      "a transaction is its owner's, until it ends",
	"has no transactions":          "concurrent transactions are serialisable",
	"skips a row":                  "a cursor has every row once, in order",
	"gives more rows than asked":   "a cursor has every row once, in order",
	"gives cursors to anyone":      "a cursor is its owner's, until it ends",
	"never closes a cursor":        "a cursor is its owner's, until it ends",
	"begins anew":                  "what was acknowledged survives kill -9",
	"knows no deadline":            "a late statement ends at its deadline",
}

// database is SQLite, but for one fault.
type database struct {
	backend.SQL
	fault string
}

func (d *database) has(fault string) bool { return d.fault == fault }

// who is the caller, or the one caller that there is.
func (d *database) who(at backend.Caller, fault string) backend.Caller {
	if d.has(fault) {
		at.App = "anybody"
	}
	return at
}

func (d *database) Prepare(ctx context.Context, at backend.Caller, text string) (backend.Plan, error) {
	if d.has("runs the first of many") {
		text, _, _ = strings.Cut(text, ";")
	}
	p, err := d.SQL.Prepare(ctx, at, text)
	switch {
	case err != nil:
		return p, d.failure(err)
	case d.has("forgets a table") && len(p.Accesses) > 1:
		p.Accesses = p.Accesses[:1]
	case d.has("says that all reads"):
		p.Writes = false
	case d.has("runs what it prepares"):
		_, _ = d.SQL.Execute(ctx, at, backend.Statement{Text: text, Allowed: p.Accesses})
	}
	return p, nil
}

func (d *database) failure(err error) error {
	e := *backend.AsError(err)
	switch {
	case d.has("calls every error internal"):
		e.Code = backend.Internal
	case d.has("names no constraint"):
		e.Violated = backend.OtherConstraint
	}
	return &e
}

func (d *database) Execute(ctx context.Context, at backend.Caller, s backend.Statement) (backend.Result, error) {
	if d.alter(&s) {
		return backend.Result{}, nil
	}
	if d.has("knows no deadline") {
		ctx = context.WithoutCancel(ctx)
	}
	if d.has("runs what is not allowed") {
		if p, err := d.SQL.Prepare(ctx, at, s.Text); err == nil {
			s.Allowed = p.Accesses
		}
	}
	most := s.MaxRows
	if d.has("gives more rows than asked") && most > 0 {
		s.MaxRows++
	}
	r, err := d.SQL.Execute(ctx, d.who(d.who(at, "gives transactions to anyone"), "gives cursors to anyone"), s)
	if err != nil {
		if half := strings.LastIndex(s.Text, ", ("); d.has("does half of what fails") && half > 0 {
			s.Text = s.Text[:half]
			_, _ = d.SQL.Execute(ctx, at, s)
		}
		return r, d.failure(err)
	}
	return d.answer(r), nil
}

// alter changes a statement before it runs; done says that it does not.
func (d *database) alter(s *backend.Statement) (done bool) {
	switch {
	case d.has("takes BEGIN for nothing"):
		return s.Text == "BEGIN"
	case d.has("runs the first of many"):
		s.Text, _, _ = strings.Cut(s.Text, ";")
	case d.has("ignores parameters too many"):
		s.Parameters = s.Parameters[:min(len(s.Parameters), 2)]
	case d.has("writes outside transactions") && !strings.HasPrefix(s.Text, "SELECT"):
		s.Transaction = 0
	case d.has("has no transactions"):
		s.Transaction = 0
	case d.has("trusts what it prepared"):
		if p, err := d.SQL.Prepare(context.Background(), backend.Caller{}, s.Text); err == nil && len(p.Accesses) > 0 && !p.Writes {
			s.Allowed = p.Accesses
		}
	}
	return false
}

func (d *database) answer(r backend.Result) backend.Result {
	switch {
	case d.has("counts no changed rows"):
		r.Affected = 0
	case d.has("names no columns"):
		for i := range r.Columns {
			r.Columns[i].Name = ""
		}
	}
	for _, row := range r.Rows.Rows {
		for i, v := range row {
			switch {
			case d.has("cuts text"):
				row[i].Text = v.Text[:min(len(v.Text), 1000)]
			case d.has("takes booleans for numbers") && v.Kind == backend.Boolean:
				row[i].Kind = backend.Integer
			}
		}
	}
	return r
}

func (d *database) Fetch(ctx context.Context, at backend.Caller, cursor uint64, most int) (backend.Rows, error) {
	if d.has("gives more rows than asked") {
		most++
	}
	rows, err := d.SQL.Fetch(ctx, d.who(at, "gives cursors to anyone"), cursor, most)
	if d.has("skips a row") && len(rows.Rows) > 0 {
		rows.Rows = rows.Rows[1:]
	}
	return rows, err
}

func (d *database) CloseCursor(ctx context.Context, at backend.Caller, cursor uint64) error {
	if d.has("never closes a cursor") {
		return nil
	}
	return d.SQL.CloseCursor(ctx, at, cursor)
}

func (d *database) Begin(ctx context.Context, at backend.Caller, mode backend.Mode) (uint64, error) {
	switch {
	case d.has("writes where it may not"):
		mode = backend.ReadWrite
	case d.has("has no transactions"):
		mode = backend.ReadOnly
	}
	return d.SQL.Begin(ctx, d.who(at, "gives transactions to anyone"), mode)
}

func (d *database) End(ctx context.Context, at backend.Caller, transaction uint64, commit bool) error {
	err := d.SQL.End(ctx, d.who(at, "gives transactions to anyone"), transaction, commit || d.has("commits what is undone"))
	if d.has("ends transactions twice") {
		return nil
	}
	return err
}

func serveBrokenDatabase(fault string) error {
	return provider.Serve(provider.Service{Name: "broken", Version: "1",
		SQL: func(_ context.Context, s provider.Settings) (backend.SQL, error) {
			path := filepath.Join(s.DataDir, "data.db")
			if fault == "begins anew" {
				path = fmt.Sprint(path, os.Getpid())
			}
			db, err := sqlite.Open(path)
			return &database{SQL: db, fault: fault}, err
		}})
}

func TestBrokenDatabasesAreCaught(t *testing.T) {
	for fault, rule := range sqlFaults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			catches(t, rule, "broken-database", fault)
		})
	}
}
