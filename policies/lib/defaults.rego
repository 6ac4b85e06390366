# METADATA
# title: what is granted by default
# description: |
#   Grants of what reaches nothing and few programs start without. The default policy lists them. A policy that takes its
#   place may list them too ("grants contains defaults.clock"), or leave them out.
package writ.lib.defaults

clock := {
	"id": "default-clock", "app": input.app.name, "component": input.component.name,
	"capability": "clock", "resource": "clock:*", "operations": ["read"],
	"reason": "by default: few programs start without the time",
}

random := {
	"id": "default-random", "app": input.app.name, "component": input.component.name,
	"capability": "random", "resource": "random:*", "operations": ["read"],
	"reason": "by default: few programs start without random numbers",
}
