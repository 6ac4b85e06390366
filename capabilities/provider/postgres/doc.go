// Package postgres is the SQL provider for databases in PostgreSQL.
//
// Start with [Open]; analyse.go says what a statement touches, grammar.go what
// of SQL a statement may consist of, catalog.go what its names mean.
//
// PostgreSQL has no callback that tells what a statement touches. So each is
// parsed by PostgreSQL's own grammar, and refused unless it consists of known
// parts only: what this package does not know, it does not allow. Views are
// followed to the tables that they show. What triggers, defaults and row security do is
// their author's, who is not a component: none can make a function or a trigger.
// As a second fence the operator can name a role for each grant, under which
// its statements run.
//
// What names mean is looked up again after [planAge] at the latest: a view that
// somebody else redefines may be read under its former meaning until then.
package postgres
