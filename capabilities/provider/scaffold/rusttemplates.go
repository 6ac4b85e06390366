package scaffold

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

const rustLibText = `//! A component that calls the provider, for you to go on with. It answers every request with what
//! the provider said.

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
        let text = TEXT;
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the first call of body() succeeds");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the first call of write() succeeds");
        for piece in text.as_bytes().chunks(4096) {
            if stream.blocking_write_and_flush(piece).is_err() {
                return; // the visitor went away
            }
        }
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}
`

const makeWebText = `# Needs Rust (rustup.rs) with the target that makes components: rustup target add wasm32-wasip2
../web.wasm: src/lib.rs Cargo.toml ../../NAME.wit
	cargo build --release --target wasm32-wasip2
	cp target/wasm32-wasip2/release/web.wasm $@
`

const readmeText = `# NAME

A capability provider for [writ](https://github.com/writ-host/writ): a process of its own that serves the
interfaces of ` + "`NAME.wit`" + ` to components.

| file | has |
| --- | --- |
| ` + "`service.go`" + ` | a method for each function of the interfaces: write them here |
| ` + "`main.go`" + ` | the settings, and what the provider has to reach |
| ` + "`policies/`" + ` | a rule that grants the interfaces, for hosts to take up |
| ` + "`app/`" + ` | an app whose component calls the provider |

` + "```" + `
make test           # builds the provider, and checks it against every rule
make -C app/web     # builds the app's component: needs Rust with the target wasm32-wasip2
make up             # pins the provider in app/host.toml, and serves the app
curl localhost:3000
` + "```" + `

` + "`make`" + ` calls writ; where it is not in PATH, say ` + "`make WRIT=/where/it/is/writ …`" + `. To build against a
checkout of writ instead of a release:

` + "```" + `
go mod edit -replace github.com/writ-host/writ=/where/writ/is
go mod tidy
` + "```" + `

After each build of the provider, ` + "`make pin`" + ` tells the host that the new program is the right one.
`
