package postgres

import (
	"context"
	"strings"

	"github.com/writ-host/writ/capabilities/sql/backend"
)

// cascades finds the tables whose rows change with those of another, through
// foreign keys. The parameters are its name, the verb, and the columns that are
// set: null for any.
const cascades = `
WITH RECURSIVE hit(oid, verb, columns) AS (
  SELECT pg_catalog.to_regclass($1)::pg_catalog.oid, $2::pg_catalog.text, pg_catalog.string_to_array($3, E'\x01')
  UNION
  SELECT k.conrelid, CASE WHEN hit.verb = 'delete' AND k.confdeltype = 'c' THEN 'delete' ELSE 'update' END,
    ARRAY(SELECT a.attname::pg_catalog.text COLLATE pg_catalog."default" FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey))
  FROM hit JOIN pg_catalog.pg_constraint k ON k.confrelid = hit.oid AND k.contype = 'f'
  WHERE hit.verb = 'delete' AND k.confdeltype IN ('c', 'n', 'd')
     OR hit.verb = 'update' AND k.confupdtype IN ('c', 'n', 'd') AND (hit.columns IS NULL OR EXISTS (
       SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = hit.oid AND a.attnum = ANY (k.confkey) AND a.attname::pg_catalog.text = ANY (hit.columns)))
)
SELECT DISTINCT hit.verb, n.nspname, c.relname FROM hit
  JOIN pg_catalog.pg_class c ON c.oid = hit.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`

// follow adds what foreign keys do when rows of a table change.
func (c *conn) follow(ctx context.Context, r *resolver, t touch, found []relation) error {
	if t.verb != "delete" && t.verb != "update" {
		return nil
	}
	for _, f := range found {
		if system(f.schema) {
			continue
		}
		var columns []byte // of a view's table, any: they may have other names
		if f.top {
			columns = []byte(t.columns)
		}
		table := quoteName(name{f.schema, f.table})
		rows := c.pg.ExecParams(ctx, cascades, [][]byte{[]byte(table), []byte(t.verb), columns}, nil, nil, nil).Read()
		if rows.Err != nil {
			return failure(rows.Err)
		}
		for _, row := range rows.Rows {
			r.add(string(row[0]), string(row[1]), string(row[2]))
		}
	}
	return nil
}

// authored finds what somebody made and a statement would use for PostgreSQL's
// own: functions, also as fields of a row and as casts, and operators, which all
// may do anything under their author's rights. What is C, or came with an
// extension, is taken for what its name says. Types that are rows of a table are
// among the answers as well. The parameters are the schema that is searched, and
// names of functions, fields, operators and types, with the types' schemas.
const authored = `
WITH own AS NOT MATERIALIZED (
  SELECT p.oid, p.proname, p.pronamespace, p.proargtypes FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
  WHERE (l.lanname NOT IN ('c', 'internal') OR p.prokind = 'a') AND p.oid >= 16384 AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
)
SELECT 'function', '', own.proname FROM own WHERE own.pronamespace = pg_catalog.to_regnamespace($1) AND (
    own.proname = ANY (pg_catalog.string_to_array($2, E'\x01'))
    OR own.proname = ANY (pg_catalog.string_to_array($3, E'\x01'))
      AND (SELECT t.typtype FROM pg_catalog.pg_type t WHERE t.oid = own.proargtypes[0]) IN ('c', 'p', 'd'))
UNION ALL
SELECT 'operator', '', o.oprname FROM pg_catalog.pg_operator o JOIN own ON own.oid = o.oprcode
  WHERE o.oprnamespace = pg_catalog.to_regnamespace($1) AND o.oprname = ANY (pg_catalog.string_to_array($4, E'\x01'))
UNION ALL
SELECT 'cast to', '', t.typname FROM pg_catalog.pg_cast k JOIN own ON own.oid = k.castfunc JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typname = ANY (pg_catalog.string_to_array($5, E'\x01')) OR n.nspname || '.' || t.typname = ANY (pg_catalog.string_to_array($5, E'\x01'))
UNION ALL
SELECT 'type', n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname || '.' || c.relname = ANY (pg_catalog.string_to_array($6, E'\x01'))`

// judge refuses a statement that would use what somebody made in the place of what
// PostgreSQL has.
func (c *conn) judge(ctx context.Context, r *resolver, u *uses) error {
	list := func(names []string) []byte { return []byte(strings.Join(names, separator)) }
	var rows []string // types that may be rows, each also as an array's item
	for _, t := range u.types {
		schema, last, ok := strings.Cut(t, ".")
		if !ok {
			schema, last = r.schema, t
		}
		if system(schema) {
			continue
		}
		rows = append(rows, schema+"."+last, schema+"."+strings.TrimPrefix(last, "_"))
	}
	answer := c.pg.ExecParams(ctx, authored, [][]byte{[]byte(quoteName(name{relation: r.schema})), list(u.functions), list(u.fields),
		list(u.operators), list(u.types), list(rows)}, nil, nil, nil).Read()
	if answer.Err != nil {
		return failure(answer.Err)
	}
	for _, row := range answer.Rows {
		kind, schema, what := string(row[0]), string(row[1]), string(row[2])
		if kind != "type" {
			return backend.Errorf(backend.NotAllowed, "there is a %s %s that somebody made, and what it does is not known", kind, what)
		}
		r.add("select", schema, what)
	}
	return nil
}
