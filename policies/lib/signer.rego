# METADATA
# title: by signer
# description: The signer is empty for a component that nobody signed, which no name in a set ever equals here.
package writ.lib.signer

signed if input.component.signer != ""

by(names) if {
	signed
	input.component.signer in names
}
