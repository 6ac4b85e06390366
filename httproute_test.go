package writ

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const routeComponents = `name = "app"
[component.web]
source = "web.wasm"
[component.api]
source = "api.wasm"
`

func TestRoutesOfManifests(t *testing.T) {
	for _, test := range []struct{ text, wrong string }{
		{`[[trigger.http]]
route = "/..."
component = "web"
[[trigger.http]]
route = { private = true }
component = "api"`, ""},
		{`[trigger]
http = [
  {route = "/", component = "web"},
  {component = "web", route = "/users/:id"},
]`, ""},
		{`[[trigger.http]]
route = "/users/:id"
component = "web"
[[trigger.http]]
route = "/users/:name/"
component = "api"`, `writ.toml:9: trigger.http 2: route "/users/:name/" is for the same paths as "/users/:id" of component web (line 6)`},
		{`[trigger]
http = [
  {route = "/", component = "web"},

  {route = "/", component = "api"},
]`, `writ.toml:10: trigger.http 2: route "/" is for the same paths as "/" of component web (line 8)`},
		{`[[trigger.http]]
route = "/x*"
component = "web"`, `writ.toml:6: trigger.http 1: route "/x*": segment "x*"`},
		{`[[trigger.http]]
component = "web"`, `writ.toml:6: trigger.http 1: no route: add route = "/PATH"`},
		{`[[trigger.http]]
route = { private = false }
component = "web"`, `writ.toml:6: trigger.http 1: route { private = false }: want a path, or { private = true }`},
		{`[[trigger.http]]
route = { private = true, public = true }
component = "web"`, `writ.toml:6: trigger.http 1: route { private = true, public = true }: want`},
		{`[[trigger.http]]
route = 7
component = "web"`, `writ.toml:6: trigger.http 1: route 7: want`},
		{`[[trigger.http]]
route = "/"
component = "web"
[[trigger.http]]
route = { private = true }
component = "web"`, `writ.toml:9: trigger.http 2: component web is private and has a path too (line 6)`},
		{`[[trigger.http]]
route = "/"
component = "shop"`, `writ.toml:6: trigger.http 1: component "shop" is not in the manifest, which has [api web]`},
	} {
		path := filepath.Join(t.TempDir(), ManifestName)
		if err := os.WriteFile(path, []byte(routeComponents+test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadManifest(path)
		switch {
		case test.wrong == "" && err != nil:
			t.Errorf("%s\n%v", test.text, err)
		case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%s\n%v\nwant %s", test.text, err, test.wrong)
		}
	}
}
