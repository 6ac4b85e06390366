# METADATA
# title: by environment
# description: |
#   The environment is the operator's word, data.environment, as a bundle has it. Without one nothing is any environment.
package writ.lib.environment

is(name) if data.environment == name

one_of(names) if data.environment in names
