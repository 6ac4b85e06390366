// Package sql is the SQL capability: writ:sql 0.1.0, fermyon:spin/sqlite 2.0.0
// and spin:sqlite 3.0.0 over databases that providers keep.
//
// Start with [New]; [Config] says which databases there are. What a database
// has to be able to do is in package backend.
//
// The operations that grants of sql have are select, insert, update, delete and
// ddl; the resource is sql://database/table. Opening a database takes a grant
// of anything in it. A statement takes a grant for each table and verb that it
// touches, also in subqueries, views and whatever else the database finds: the
// provider says what that is before anything runs, and is told what of it is
// granted when it does. Every execution asks again, so does every page of rows
// and every commit, and so a revocation also reaches what is open.
//
// The provider that analyses a statement is the one that runs it. One that lied
// would do so about data that it holds anyway; it cannot reach anything else.
//
// The guard has asked whether a component reaches the database at all before
// any function here runs; what a statement touches is asked for here.
package sql
