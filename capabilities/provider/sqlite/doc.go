// Package sqlite is the default SQL provider: one SQLite database in one file.
//
// Start with [Open]; authorize.go says what of SQLite a statement may use. Every
// statement is compiled under SQLite's authorizer, which names each table that
// it touches, in views, triggers, subqueries and foreign keys too. What an
// execution does not allow is refused, also when SQLite compiles a statement
// anew because the schema changed.
//
// Table names are in lower case, as SQLite does not tell them apart by case.
// Of a statement's text the package looks at one thing: whether it says REPLACE,
// as the authorizer does not tell of rows that make room for others.
package sqlite
