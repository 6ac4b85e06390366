# METADATA
# title: by digest
# description: A component whose bytes were reviewed, and no other of the same name.
package writ.lib.digest

pinned(digests) if {
	startswith(input.component.digest, "sha256:")
	input.component.digest in digests
}
