# METADATA
# title: writ's default policy
# description: |
#   Grants what grants.json grants, and the time and random numbers, without which few programs start. Nothing else.
#   The input describes one component:
#     app        {name}
#     component  {name, digest, imports, labels, signer}
#     requests   [{capability, resource, operations, reason}]
#   The answer is two sets: grants and denials. A denial wins over every grant.
#   A grant that names the component "*" holds for each component of its app; one that names no component or no app holds
#   for none: what is not said is not granted. A denial may leave either out, and then holds for all.
package writ

import data.writ.lib.defaults

grants contains grant if {
	some grant in data.grants
	grant.app == input.app.name
	grant.component in {input.component.name, "*"}
}

grants contains defaults.clock

grants contains defaults.random

denials contains denial if {
	some denial in data.denials
	object.get(denial, "app", "*") in {input.app.name, "*"}
	object.get(denial, "component", "*") in {input.component.name, "*"}
}
