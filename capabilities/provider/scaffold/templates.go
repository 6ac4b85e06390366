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
# into the example app's host.toml.
WRIT ?= writ

.PHONY: build test pin list

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
		if n > 0 {
			_, text, _ = strings.Cut(text, "package writ\n")
		}
		fmt.Fprintf(&rego, text, n, name)
	}
	manifest := "name = \"" + p.Name + "-example\"\n\n[component.web]\nsource = \"web.wasm\"    # make -C web builds it\nlabels = { \"" + p.Name + "\" = \"yes\" }\n" +
		requests.String() + "\n[[trigger.http]]\nroute     = \"/...\"\ncomponent = \"web\"\n"
	return []file{
		{"app/writ.toml", manifest}, {"app/host.toml", p.fill(hostText)}, {"policies/" + p.Name + ".rego", rego.String()},
		{"app/web/Cargo.toml", p.fill(cargoText)}, {"app/web/src/lib.rs", strings.ReplaceAll(p.fill(rustText), "IMPORTS", strings.TrimSpace(imports.String()))},
		{"app/web/Makefile", makeWebText},
	}
}

const cargoText = `[package]
name = "web"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib"]

[dependencies]
wit-bindgen = "0.61"
wasip2 = "1"
`

const rustText = `//! A component that imports the provider's interfaces, for you to go on with: call their functions
//! in handle. It answers every request with a line of text.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wit_bindgen::generate!({
    inline: "
        package example:web;
        world web {
            IMPORTS
        }",
    path: "../../NAME.wit",
    world: "web",
    generate_all,
});

struct Web;
wasip2::http::proxy::export!(Web);

impl wasip2::exports::http::incoming_handler::Guest for Web {
    fn handle(_request: IncomingRequest, out: ResponseOutparam) {
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the first call of body() succeeds");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the first call of write() succeeds");
        let _ = stream.blocking_write_and_flush(b"hello\n");
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}
`

const makeWebText = `# Needs Rust with the target wasm32-wasip2.
../web.wasm: src/lib.rs Cargo.toml
	cargo build --release --target wasm32-wasip2
	cp target/wasm32-wasip2/release/web.wasm $@
`
