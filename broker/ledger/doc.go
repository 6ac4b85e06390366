// Package ledger keeps what a host decided and what changed in it, so that it can be proven afterwards: an append-only Merkle
// log in plain files (C2SP tlog-tiles, written by tessera), under checkpoints that the host signs and witnesses can countersign.
//
// Start with Entry (what one line of the ledger says), then Ledger (a host's end, which writes) and Reader (an auditor's end,
// which needs the files alone, or a copy of them). Reader.Verify proves; docs/ledger.md is the schema and what is proven.
//
// A Ledger never makes a guest wait: it is told of decisions by the broker's recorder, and says when it cannot write. A Reader
// never writes, and trusts nothing that it reads but the key it was given.
package ledger
