package writ.lib_test

import data.writ.lib.defaults
import data.writ.lib.digest
import data.writ.lib.environment
import data.writ.lib.hours
import data.writ.lib.labels
import data.writ.lib.readonly
import data.writ.lib.signer
import data.writ.lib.tenancy

component(fields) := {
	"app": {"name": "shop"},
	"component": object.union({"name": "web", "digest": "sha256:aa", "imports": [], "labels": {}, "signer": ""}, fields),
	"requests": [],
}

labelled := component({"labels": {"tier": "gold", "role": "reader", "tenant": "acme"}})

test_labels if {
	labels.has("tier", "gold") with input as labelled
	labels.any("tier", {"silver", "gold"}) with input as labelled
	labels.all({"tier": "gold", "role": "reader"}) with input as labelled
	not labels.all({"tier": "gold", "role": "writer"}) with input as labelled
	not labels.has("tier", "gold") with input as component({})
}

test_signer if {
	signer.by({"ci@example.com"}) with input as component({"signer": "ci@example.com"})
	not signer.by({"ci@example.com"}) with input as component({"signer": "other@example.com"})
	not signer.by({""}) with input as component({})
	not signer.signed with input as component({})
}

test_digest if {
	digest.pinned({"sha256:aa"}) with input as component({})
	not digest.pinned({"sha256:bb"}) with input as component({})
	not digest.pinned({""}) with input as component({"digest": ""})
}

# 2026-01-05 is a Monday.
monday_ten := time.parse_rfc3339_ns("2026-01-05T10:30:00Z")

sunday_two := time.parse_rfc3339_ns("2026-01-04T02:00:00Z")

test_hours if {
	hours.between(9, 17, "UTC") with time.now_ns as monday_ten
	not hours.between(9, 10, "UTC") with time.now_ns as monday_ten
	hours.between(11, 12, "Europe/Berlin") with time.now_ns as monday_ten
	hours.between(22, 6, "UTC") with time.now_ns as sunday_two
	not hours.between(22, 6, "UTC") with time.now_ns as monday_ten
	not hours.between(9, 9, "UTC") with time.now_ns as monday_ten
	not hours.between("22:00", "06:00", "UTC") with time.now_ns as monday_ten
	not hours.between("09:00", "17:00", "UTC") with time.now_ns as monday_ten
}

test_days if {
	hours.weekday("UTC") with time.now_ns as monday_ten
	not hours.weekday("UTC") with time.now_ns as sunday_two
	hours.before("2026-01-06T00:00:00Z") with time.now_ns as monday_ten
	hours.after("2026-01-05T10:30:00Z") with time.now_ns as monday_ten
	not hours.after("2026-01-06T00:00:00Z") with time.now_ns as monday_ten
}

test_environment if {
	environment.is("production") with data.environment as "production"
	environment.one_of({"staging", "test"}) with data.environment as "test"
	not environment.is("production")
}

test_readonly if {
	g := {"capability": "kv", "operations": ["set", "get"]}
	readonly.narrow(g).operations == ["get"]
	readonly.narrow({"capability": "sql", "operations": ["*"]}).operations == ["select"]
	not readonly.narrow({"capability": "kv", "operations": ["set"]})
	not readonly.narrow({"capability": "acme", "operations": ["*"]})
}

test_tenancy if {
	tenancy.keys("default") == "kv://default/acme/**" with input as labelled
	tenancy.tables == "sql://shop/*" with input as component({})
	tenancy.own({"capability": "kv", "resource": "kv://default/acme/x"}) with input as labelled
	not tenancy.own({"capability": "kv", "resource": "kv://default/other/x"}) with input as labelled
	not tenancy.own({"capability": "kv", "resource": "kv://default/acmeother/x"}) with input as labelled
	not tenancy.own({"capability": "kv", "resource": "kv://**/acme/x"}) with input as labelled
	not tenancy.own({"capability": "http", "resource": "https://acme/"}) with input as labelled
	not tenancy.keys("default") with input as component({"labels": {"tenant": "a/*"}})
}

test_defaults_reach_nothing if {
	defaults.clock.capability == "clock" with input as component({})
	defaults.random.operations == ["read"] with input as component({})
}
