package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

// lookup finds a relation and, when it is a view, all that it shows. The first
// parameter is its name as SQL spells it.
const lookup = `
WITH RECURSIVE found(oid, top) AS (
  SELECT pg_catalog.to_regclass($1)::pg_catalog.oid, true WHERE pg_catalog.to_regclass($1) IS NOT NULL
  UNION
  SELECT d.refobjid, false FROM found
    JOIN pg_catalog.pg_rewrite w ON w.ev_class = found.oid
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> found.oid
)
SELECT found.top, n.nspname, c.relname, c.relkind,
  EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.rulename <> '_RETURN'),
  coalesce((SELECT t.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class t ON t.oid = i.indrelid WHERE i.indexrelid = c.oid), '')
FROM found JOIN pg_catalog.pg_class c ON c.oid = found.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`

// relation is one that a name means, or that a view shows.
type relation struct {
	top           bool
	schema, table string
	kind          string // pg_class.relkind
	rules         bool
	indexed       string // an index's table
}

func quoteName(n name) string {
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	if n.schema == "" {
		return quote(n.relation)
	}
	return quote(n.schema) + "." + quote(n.relation)
}

func (c *conn) find(ctx context.Context, n name) ([]relation, error) {
	r := c.pg.ExecParams(ctx, lookup, [][]byte{[]byte(quoteName(n))}, nil, nil, nil).Read()
	if r.Err != nil {
		return nil, failure(r.Err)
	}
	var found []relation
	for _, row := range r.Rows {
		found = append(found, relation{top: string(row[0]) == "t", schema: string(row[1]), table: string(row[2]), kind: string(row[3]),
			rules: string(row[4]) == "t", indexed: string(row[5])})
	}
	return found, nil
}

func system(schema string) bool {
	return schema == "information_schema" || strings.HasPrefix(schema, "pg_")
}

// resolver turns what a statement says into what it means.
type resolver struct {
	schema   string // that is searched
	accesses []backend.Access
}

func (r *resolver) add(verb string, schema, table string) {
	if schema != r.schema && schema != "" {
		table = schema + "." + table
	}
	if a := (backend.Access{Verb: verb, Table: table}); !slices.Contains(r.accesses, a) {
		r.accesses = append(r.accesses, a)
	}
}

// resolve finds everything that a statement touches.
func (c *conn) resolve(ctx context.Context, a *analysis, schema string) ([]backend.Access, error) {
	r := &resolver{schema: schema}
	for _, t := range a.touches {
		found, err := c.find(ctx, t.name)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 && a.makes(t.name) && !t.made {
			continue // a table that refers to itself
		}
		if err := r.touch(t, found, a.ctes); err != nil {
			return nil, err
		}
		if err := c.follow(ctx, r, t, found); err != nil {
			return nil, err
		}
	}
	return r.accesses, c.judge(ctx, r, &a.uses)
}

// makes reports whether a statement makes a relation.
func (a *analysis) makes(n name) bool {
	return slices.ContainsFunc(a.touches, func(t touch) bool { return t.made && t.name == n })
}

func (r *resolver) touch(t touch, found []relation, ctes map[string]bool) error {
	if len(found) == 0 {
		switch {
		case t.made:
			r.add(t.verb, t.name.schema, t.name.relation)
		case t.name.schema == "" && ctes[t.name.relation] && t.verb != "ddl":
			// There is no such table, so PostgreSQL takes the common table
			// expression, or nothing at all.
		case t.verb == "ddl":
			r.add(t.verb, t.name.schema, t.name.relation) // IF EXISTS, or an error
		default:
			return backend.Errorf(backend.Syntax, "relation %q does not exist", t.name.relation)
		}
		return nil
	}
	for _, f := range found {
		if err := r.relation(t, f); err != nil {
			return err
		}
	}
	return nil
}

// relation adds one that a name means. A change of a view is one of all that it shows.
func (r *resolver) relation(t touch, f relation) error {
	switch {
	case system(f.schema) && f.top:
		return backend.Errorf(backend.NotAllowed, "the schema %s is not for components", f.schema)
	case system(f.schema):
		return nil // shown by a view that an operator made: a component cannot
	case t.index && f.top:
		r.add("ddl", f.schema, f.indexed)
		return nil
	case t.verb == "ddl":
		if f.top {
			r.add("ddl", f.schema, f.table)
		}
		return nil
	case f.rules:
		return backend.Errorf(backend.NotAllowed, "%s has rules, and what they do is not known", f.table)
	case !strings.Contains("rpvmf", f.kind):
		return backend.Errorf(backend.NotAllowed, "%s is no table", f.table)
	}
	r.add(t.verb, f.schema, f.table)
	if !f.top {
		r.add("select", f.schema, f.table)
	}
	return nil
}
