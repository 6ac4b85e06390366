# METADATA
# title: reading only
# description: Which operations change nothing, and grants narrowed to them.
package writ.lib.readonly

operations := {
	"kv": {"get", "exists", "list"},
	"http": {"GET", "HEAD", "OPTIONS"},
	"sql": {"select"},
	"file": {"read", "list"},
	"env": {"read"},
	"clock": {"read"},
	"random": {"read"},
	"dns": {"resolve"},
}

# The grant with the operations of it that only read; undefined when none does. A grant of "*" becomes one of all of them.
narrow(grant) := object.union(grant, {"operations": [op | some op in kept]}) if {
	kept := reading(grant)
	count(kept) > 0
}

reading(grant) := operations[grant.capability] if "*" in grant.operations

reading(grant) := {op | some op in grant.operations} & operations[grant.capability] if not "*" in grant.operations
