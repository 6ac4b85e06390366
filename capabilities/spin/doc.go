// Package spin is what of Spin's own interfaces writ does not have: postgres,
// mysql, redis, mqtt and llm of fermyon:spin 2.0.0, and spin:postgres 3.0.0 and
// 4.0.0. Some of Spin's SDKs import
// them into every component, whether it uses them or not. So they are there,
// and every function of theirs answers with its interface's own error, as Spin
// does where the manifest allows nothing.
//
// Start with [New]. What writ has is elsewhere: fermyon:spin/key-value in
// package kv, sqlite in package sql, variables in package wasi.
//
// The package never reaches anything, so there is nothing to grant.
package spin
