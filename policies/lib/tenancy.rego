# METADATA
# title: tenants apart
# description: |
#   A tenant is what the label "tenant" of a component says, or without one the name of its app. Each has a part of every
#   key-value store and a database of its own. A tenant's name can hold neither "/" nor "*", so it reaches no other's.
package writ.lib.tenancy

tenant := object.get(input.component.labels, "tenant", input.app.name)

valid if regex.match(`^[a-z0-9-]+$`, tenant)

keys(store) := sprintf("kv://%s/%s/**", [store, tenant]) if valid

tables := sprintf("sql://%s/*", [tenant]) if valid

# Requests that stay within the tenant's own.
own(request) if {
	valid
	request.capability == "kv"
	parts := split(request.resource, "/")
	count(parts) > 4
	parts[0] == "kv:"
	not contains(parts[2], "*")
	parts[3] == tenant
}

own(request) if {
	valid
	request.capability == "sql"
	startswith(request.resource, sprintf("sql://%s/", [tenant]))
}
