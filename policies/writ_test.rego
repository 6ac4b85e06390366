package writ_test

import data.writ
import data.writ.lib.defaults

# What is granted beside the defaults.
listed := writ.grants - {defaults.clock, defaults.random}

web := {"app": {"name": "guestbook"}, "component": {"name": "web"}, "requests": []}

for_web := {"id": "web-only", "app": "guestbook", "component": "web"}

for_all := {"id": "all", "app": "guestbook", "component": "*"}

test_a_grant_holds_for_its_component if {
	listed == {for_web} with input as web with data.grants as [for_web]
}

test_a_grant_for_every_component_holds if {
	listed == {for_all} with input as web with data.grants as [for_all]
}

test_a_grant_for_another_component_does_not_hold if {
	listed == set() with input as web with data.grants as [object.union(for_web, {"component": "worker"})]
}

test_a_grant_for_another_app_does_not_hold if {
	listed == set() with input as web with data.grants as [object.union(for_all, {"app": "shop"})]
}

test_an_app_is_never_a_wildcard if {
	listed == set() with input as web with data.grants as [object.union(for_all, {"app": "*"})]
}

test_a_grant_without_component_holds_for_none if {
	listed == set() with input as web with data.grants as [{"id": "x", "app": "guestbook"}]
}

test_a_grant_without_app_holds_for_none if {
	listed == set() with input as web with data.grants as [{"id": "x", "component": "web"}]
}

test_a_request_is_no_grant if {
	request := {"capability": "kv", "resource": "kv://default/**", "operations": ["*"]}
	listed == set() with input as object.union(web, {"requests": [request]}) with data.grants as []
}

test_no_data_grants_nothing if {
	listed == set() with input as web with data.grants as {}
	writ.denials == set() with input as web with data.denials as {}
}

test_a_denial_without_names_holds_for_all if {
	writ.denials == {{"id": "x"}} with input as web with data.denials as [{"id": "x"}]
}

test_a_denial_for_another_component_does_not_hold if {
	writ.denials == set() with input as web with data.denials as [{"id": "x", "component": "worker"}]
}

test_a_denial_for_another_app_does_not_hold if {
	writ.denials == set() with input as web with data.denials as [{"id": "x", "app": "shop"}]
}

test_a_denial_for_the_component_holds if {
	writ.denials == {for_web} with input as web with data.denials as [for_web]
}

test_the_time_and_random_numbers_are_granted_by_default if {
	{g.id | some g in writ.grants} == {"default-clock", "default-random"} with input as web with data.grants as []
	{g.component | some g in writ.grants} == {"web"} with input as web with data.grants as []
}
