package postgres

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/wasilibs/go-pgquery/parser"
	"github.com/writ-host/writ/capabilities/sql/backend"
)

// maxStatement bounds a statement, in bytes.
const maxStatement = 64 << 10

// name is a relation as a statement spells it; an empty schema is the one that is searched.
type name struct{ schema, relation string }

// touch is a verb on a relation.
type touch struct {
	verb string
	name name
	// index says that it names an index, and means its table.
	index bool
	// made says that the statement makes the relation: there is none yet.
	made bool
	// columns are those that an update sets, each with a separator before it.
	columns string
}

// separator is between names, of which none has it.
const separator = "\x01"

// analysis is what a statement's text says.
type analysis struct {
	touches []touch
	ctes    map[string]bool // names of common table expressions
	writes  bool
	ddl     bool
	locks   bool // it has FOR UPDATE or the like
	columns bool // it reads columns
	uses    uses
	err     error
}

// uses are the names that mean something of PostgreSQL's own, unless somebody made
// another of the same name.
type uses struct{ functions, fields, operators, types []string }

type object = map[string]any

// analyse reads one statement.
func analyse(text string) (*analysis, error) {
	switch {
	case len(text) > maxStatement:
		return nil, backend.Errorf(backend.TooLarge, "the statement has %d bytes, and %d are the most", len(text), maxStatement)
	case strings.ContainsRune(text, 0):
		return nil, backend.Errorf(backend.Syntax, "the statement has a NUL byte")
	}
	tree, err := parse(text)
	if err != nil {
		return nil, backend.Errorf(backend.Syntax, "%s", valid(err.Error()))
	}
	var parsed struct{ Stmts []struct{ Stmt object } }
	if err := json.Unmarshal([]byte(tree), &parsed); err != nil {
		return nil, backend.Errorf(backend.Syntax, "the statement is nested too deeply")
	}
	switch len(parsed.Stmts) {
	case 0:
		return nil, backend.Errorf(backend.Syntax, "there is no statement")
	case 1:
	default:
		return nil, backend.Errorf(backend.NotAllowed, "there is more than one statement")
	}
	a := &analysis{ctes: map[string]bool{}}
	a.walk(parsed.Stmts[0].Stmt)
	if a.err != nil {
		return nil, a.err
	}
	if a.locks {
		for _, t := range slices.Clone(a.touches) {
			a.add("update", t.name, "")
		}
	}
	return a, nil
}

// parsing is held by the one who parses: the library compiles PostgreSQL's parser
// once more, for seconds, for each caller who finds no parser free.
var parsing sync.Mutex

func parse(text string) (tree string, err error) {
	parsing.Lock()
	defer parsing.Unlock()
	return parser.ParseToJSON(text)
}

func (a *analysis) refuse(format string, args ...any) {
	if a.err == nil {
		a.err = backend.Errorf(backend.NotAllowed, format, args...)
	}
}

func (a *analysis) add(verb string, n name, columns string) {
	if t := (touch{verb: verb, name: n, columns: columns}); !slices.Contains(a.touches, t) {
		a.touches = append(a.touches, t)
	}
}

// walk goes through a part of the tree: keys in upper case are kinds of nodes,
// others are fields.
func (a *analysis) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			a.walk(item)
		}
	case object:
		for key, child := range v {
			if fields, ok := child.(object); ok && key[0] >= 'A' && key[0] <= 'Z' {
				a.node(key, fields)
			} else {
				a.field(key, child)
			}
		}
	}
}

// field is a part whose kind its name tells.
func (a *analysis) field(key string, v any) {
	fields, ok := v.(object)
	switch {
	case ok && fields["relname"] != nil:
		a.node("RangeVar", fields)
	case ok && key == "typeName":
		a.node("TypeName", fields)
	default:
		a.walk(v)
	}
}

func (a *analysis) node(kind string, o object) {
	if !nodes[kind] {
		a.refuse("%s is not for components", kind)
		return
	}
	switch kind {
	case "InsertStmt", "UpdateStmt", "DeleteStmt":
		a.change(kind, o)
	case "SelectStmt":
		if o["intoClause"] != nil {
			a.refuse("SELECT INTO is not for components")
		}
		a.walk(o)
	case "LockingClause":
		a.locks = true // its relations are aliases of those that are read
	case "RangeVar":
		a.add("select", a.relation(o), "")
	case "CommonTableExpr":
		a.ctes[text(o["ctename"])] = true
		a.walk(o)
	case "ColumnRef":
		a.columns = true
		a.fields(o["fields"], 1)
	case "A_Indirection":
		a.fields(o["indirection"], 0)
		a.walk(o)
	case "FuncCall":
		a.function(o)
	case "TypeName":
		a.typeName(o)
	case "SQLValueFunction":
		if !sqlValues[text(o["op"])] {
			a.refuse("who runs a statement is not for components")
		}
	case "A_Expr":
		a.operator(o["name"])
		a.walk(o)
	case "SortBy":
		a.operator(o["useOp"])
		a.walk(o)
	case "SubLink", "CaseExpr", "JoinExpr":
		a.operator(o["operName"])
		if unwrittenEquality(kind, o) {
			a.uses.operators = append(a.uses.operators, "=")
		}
		a.walk(o)
	case "IndexElem":
		a.own(o["opclass"], "class of operators")
		a.walk(o)
	default:
		a.define(kind, o)
	}
}

// change is a statement that changes rows.
func (a *analysis) change(kind string, o object) {
	verb := map[string]string{"InsertStmt": "insert", "UpdateStmt": "update", "DeleteStmt": "delete"}[kind]
	a.writes = true
	relation, _ := o["relation"].(object)
	target := a.relation(relation)
	a.add(verb, target, targets(o))
	before := a.columns
	a.columns = false
	for key, v := range o {
		if key != "relation" {
			a.field(key, v)
		}
	}
	conflict, _ := o["onConflictClause"].(object)
	if text(conflict["action"]) == "ONCONFLICT_UPDATE" {
		a.add("update", target, targets(conflict))
	}
	reads := a.columns || conflict["infer"] != nil || o["returningList"] != nil || text(conflict["action"]) == "ONCONFLICT_UPDATE"
	if verb == "insert" && conflict == nil && o["returningList"] == nil {
		reads = false // its columns are those of what it selects from
	}
	if reads {
		a.add("select", target, "")
	}
	a.columns = a.columns || before
}

// targets are the columns that an update sets.
func targets(o object) (columns string) {
	list, _ := o["targetList"].([]any)
	for _, item := range list {
		node, _ := item.(object)
		target, _ := node["ResTarget"].(object)
		columns += separator + text(target["name"])
	}
	return columns
}

func (a *analysis) relation(o object) name {
	if text(o["catalogname"]) != "" {
		a.refuse("a name of a database is not for components")
	}
	if p := text(o["relpersistence"]); p != "" && p != "p" {
		a.refuse("temporary and unlogged tables are not for components")
	}
	return a.name(text(o["schemaname"]), text(o["relname"]))
}

func (a *analysis) name(schema, relation string) name {
	s := strings.ToLower(schema)
	switch {
	case s == "information_schema", strings.HasPrefix(s, "pg_"):
		a.refuse("the schema %s is not for components", s)
	case strings.Contains(relation, "."), strings.Contains(schema, "."), relation == "":
		a.refuse("the name %q has a point in it", relation)
	}
	return name{schema, relation}
}

// own refuses a name of another schema than PostgreSQL's own.
func (a *analysis) own(v any, what string) (last string) {
	parts := strings_(v)
	if len(parts) > 2 || len(parts) == 2 && parts[0] != "pg_catalog" {
		a.refuse("a %s of a schema is not for components", what)
	}
	if len(parts) == 0 {
		return ""
	}
	return parts[len(parts)-1]
}

// operator takes down one that may be somebody's own.
func (a *analysis) operator(v any) {
	o := a.own(v, "operator")
	switch {
	case len(strings_(v)) != 1: // it is PostgreSQL's, or there is none
	case strings.Contains(o, "BETWEEN"):
		a.uses.operators = append(a.uses.operators, "<", "<=", ">", ">=")
	default:
		a.uses.operators = append(a.uses.operators, o)
	}
}

// unwrittenEquality reports whether a part compares by an operator that its text does not have.
func unwrittenEquality(kind string, o object) bool {
	switch kind {
	case "SubLink":
		return text(o["subLinkType"]) == "ANY_SUBLINK" && o["operName"] == nil // IN
	case "CaseExpr":
		return o["arg"] != nil
	}
	return o["usingClause"] != nil || o["isNatural"] == true // a join
}

// fields takes down the names after a point, which PostgreSQL also tries as
// functions of what is before it.
func (a *analysis) fields(v any, from int) {
	if names := strings_(v); len(names) > from {
		a.uses.fields = append(a.uses.fields, names[from:]...)
	}
}

func (a *analysis) function(o object) {
	f := a.own(o["funcname"], "function")
	if len(strings_(o["funcname"])) == 1 {
		a.uses.functions = append(a.uses.functions, f)
	}
	if !functions[f] {
		a.refuse("the function %s is not for components", f)
	}
	for key, v := range o {
		if key != "funcname" {
			a.field(key, v)
		}
	}
}

// typeName refuses the types that look names up.
func (a *analysis) typeName(o object) {
	parts := strings_(o["names"])
	if len(parts) == 0 || o["pct_type"] == true {
		a.refuse("%%TYPE is not for components")
		return
	}
	last := parts[len(parts)-1]
	if strings.HasPrefix(last, "reg") || strings.HasPrefix(last, "_reg") || len(parts) > 2 {
		a.refuse("the type %s is not for components", last)
	}
	a.uses.types = append(a.uses.types, strings.Join(parts, "."))
	a.walk(o["typmods"])
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// strings_ is a list of String nodes.
func strings_(v any) (out []string) {
	list, _ := v.([]any)
	for _, item := range list {
		node, _ := item.(object)
		s, _ := node["String"].(object)
		out = append(out, text(s["sval"]))
	}
	return out
}
