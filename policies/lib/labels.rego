# METADATA
# title: by label
# description: Labels are the developer's own words in writ.toml. Grant by them only where developers are trusted to choose.
package writ.lib.labels

has(name, value) if input.component.labels[name] == value

any(name, values) if input.component.labels[name] in values

# Every label of a set is there with its value.
all(wanted) if {
	every name, value in wanted {
		input.component.labels[name] == value
	}
}
