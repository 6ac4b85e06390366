# Rules that the stats provider comes with: put this file into the host's
# policies/, and name the condition in a grant's "when". It holds for calls of
# up to 64 KiB, which is about 8,000 samples.
package writ.conditions

default small_samples := false

small_samples if {
	input.capability == "custom"
	startswith(input.resource, "example:stats/summary@")
	input.bytes <= 65536
}
