// Package policies holds the Rego that comes with writ. writ.rego is what is enforced when an organisation wrote no grants
// of its own: it answers the sets grants and denials from the data in grants.json. The modules in lib, packages
// writ.lib.NAME, are rules for policies to use; they are always loaded and decide nothing by themselves. Start reading in
// writ.rego. The package embeds the text and holds no logic.
package policies

import "embed"

// Files holds the policies and their tests, and the JSON schemas of what policies are asked.
//
//go:embed *.rego lib/*.rego schemas/*.json
var Files embed.FS

// Names of files in Files.
const (
	Default     = "writ.rego"           // the default policy
	Library     = "lib/*.rego"          // pattern of the library's modules and their tests
	InputSchema = "schemas/input.json"  // the input of package writ, asked when policy or components change
	CallSchema  = "schemas/call.json"   // the input of package writ.conditions, asked at calls
	GrantSchema = "schemas/grants.json" // grants.json
)
