# Rules that the words provider comes with: put this file into the host's
# policies/. It grants the dictionary to every component that is labelled
# spelling = "yes", but for changing texts on behalf of one labelled read-only.
package writ

grants contains {
	"id": sprintf("%s-%s-spelling", [input.app.name, input.component.name]),
	"app": input.app.name, "component": input.component.name,
	"capability": "custom", "resource": "example:words/dictionary@0.1.0#*", "operations": ["call"],
	"reason": "labelled spelling",
} if input.component.labels.spelling == "yes"

denials contains {
	"id": sprintf("%s-%s-no-changes", [input.app.name, input.component.name]),
	"capability": "custom", "resource": "example:words/dictionary@0.1.0#[method]document.replace", "operations": ["call"],
	"reason": "labelled read-only",
} if input.component.labels["read-only"] == "yes"
