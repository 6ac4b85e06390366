package scaffold

import (
	"fmt"
	"strings"

	"github.com/writ-host/writ/wit"
)

const mainText = `// Command NAME is a capability provider for writ.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	"github.com/writ-host/writ/capabilities/provider"
)

//go:embed NAME.wit
var wit string

// settings are what the operator configures in host.toml.
type settings struct{}

const schema = ` + "`" + `{"type": "object", "additionalProperties": false, "properties": {}}` + "`" + `

// open makes the service, once, before anything is called.
func open(_ context.Context, s provider.Settings) (*Service, error) {
	var c settings
	if err := s.Decode(&c); err != nil {
		return nil, err
	}
	return &Service{}, nil
}

func main() {
	err := provider.Serve(provider.Service{
		Name: "NAME", Version: "0.1.0",
		SettingsSchema: json.RawMessage(schema),
		Custom:         provider.Implement(wit, open),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`

const makeText = `# make test builds the provider and checks it against every rule; make pin writes its SHA-256
# into the example app's host.toml; make up serves that app.
WRIT ?= writ

.PHONY: build test pin list up

build: go.sum
	go build -mod=mod -trimpath -o NAME .

go.sum: go.mod
	TIDY

test: build
	go vet -mod=mod ./...
	$(WRIT) provider test ./NAME

pin: build
	$(WRIT) provider pin --host app/host.toml NAME

list: pin
	$(WRIT) provider list app

app/web.wasm:
	$(MAKE) -C app/web

up: pin app/web.wasm
	$(WRIT) up app
`

const hostText = `# Where the provider is, and what it may reach: nothing, until it is listed here.
#   data     = "data"            the one directory that it may write
#   readable = ["/etc/words"]    what it may read besides its program
#   ports    = [443]             TCP ports that it may connect to
policies = "../policies"

[provider.NAME]
path   = "../NAME"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"    # make pin writes it
`

const regoText = `# Rules that the provider comes with: put this file into the host's policies/.
# It grants the provider's functions to every component labelled NAME = "yes".
package writ

grants contains {
	"id": sprintf("%%s-%%s-NAME-%d", [input.app.name, input.component.name]),
	"app": input.app.name, "component": input.component.name,
	"capability": "custom", "resource": "%s#*", "operations": ["call"],
	"reason": "labelled NAME",
} if input.component.labels["NAME"] == "yes"
`

// app is an example app: its manifest, the host's configuration, the policy, and
// the source of a component that imports the interfaces.
func (p Project) app(interfaces []*wit.Interface) []file {
	var requests, rego, imports strings.Builder
	for n, i := range interfaces {
		name := i.Name.String()
		fmt.Fprintf(&imports, "            import %s;\n", name)
		if len(i.Funcs) == 0 {
			continue
		}
		fmt.Fprintf(&requests, "\n[[component.web.request]]\ncapability = \"custom\"\nresource   = \"%s#*\"\noperations = [\"call\"]\nreason     = \"the example calls it\"\n", name)
		text := strings.ReplaceAll(regoText, "NAME", p.Name)
		if rego.Len() > 0 {
			_, text, _ = strings.Cut(text, "package writ\n")
		}
		fmt.Fprintf(&rego, text, n, name)
	}
	manifest := "name = \"" + p.Name + "-example\"\n\n[component.web]\nsource = \"web.wasm\"    # make -C web builds it\nlabels = { \"" + p.Name + "\" = \"yes\" }\n" +
		requests.String() + "\n[[trigger.http]]\nroute     = \"/...\"\ncomponent = \"web\"\n"
	return []file{
		{"app/writ.toml", manifest}, {"app/host.toml", p.fill(hostText)}, {"policies/" + p.Name + ".rego", rego.String()},
		{"app/web/Cargo.toml", p.fill(cargoText)}, {"app/web/src/lib.rs", strings.NewReplacer("IMPORTS", strings.TrimSpace(imports.String()), "TEXT", rustText(interfaces)).Replace(p.fill(rustLibText))},
		{"app/web/Makefile", p.fill(makeWebText)},
	}
}
