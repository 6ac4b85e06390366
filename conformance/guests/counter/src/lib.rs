//! A component that keeps state: what one request leaves behind is there for
//! the next one that the same instance serves. Every answer is the number of
//! requests so far, and then what the path of the request asked for.

use std::cell::{Cell, RefCell};

use exports::wasi::http::incoming_handler::Guest;
use wasi::clocks::monotonic_clock;
use wasi::http::types::{Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasi::io::streams::InputStream;
use wasi::keyvalue::store;

wit_bindgen::generate!({
    path: "../../../examples/guestbook/wit",
    inline: "
        package conformance:counter;
        world counter {
            import wasi:clocks/monotonic-clock@0.2.12;
            import wasi:http/types@0.2.12;
            import wasi:keyvalue/store@0.2.0-draft2;
            export wasi:http/incoming-handler@0.2.12;
        }
    ",
    generate_all,
});

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
    static BUCKET: RefCell<Option<store::Bucket>> = const { RefCell::new(None) };
    static BODY: RefCell<Option<(InputStream, IncomingBody)>> = const { RefCell::new(None) };
}

struct Counter;
export!(Counter);

impl Guest for Counter {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        COUNT.set(COUNT.get() + 1);
        let path = request.path_with_query().unwrap_or_default();
        let text = match path.as_str() {
            "/trap" => core::arch::wasm32::unreachable(),
            "/sleep" => sleep(),
            "/grow" => grow(),
            "/bucket" => bucket(),
            "/keep-body" => keep_body(&request),
            "/kept-body" => kept_body(),
            _ => String::new(),
        };
        answer(out, &format!("{}{text}\n", COUNT.get()));
    }
}

fn sleep() -> String {
    monotonic_clock::subscribe_duration(3_600_000_000_000).block();
    String::new()
}

/// Takes 16 MiB more and keeps it, when there is that much.
fn grow() -> String {
    match core::arch::wasm32::memory_grow(0, 256) {
        usize::MAX => " no more memory".into(),
        _ => " grown".into(),
    }
}

/// Reads with a bucket that stays open from one request to the next.
fn bucket() -> String {
    BUCKET.with_borrow_mut(|kept| {
        if kept.is_none() {
            match store::open("default") {
                Ok(bucket) => *kept = Some(bucket),
                Err(why) => return format!(" {why:?}"),
            }
        }
        match kept.as_ref().expect("it was opened").get("counter/key") {
            Ok(_) => " read".into(),
            Err(why) => format!(" {why:?}"),
        }
    })
}

/// Begins to read the body, and keeps the stream.
fn keep_body(request: &IncomingRequest) -> String {
    let body = request.consume().expect("the first call of consume() succeeds");
    let stream = body.stream().expect("the first call of stream() succeeds");
    let begun = stream.blocking_read(1).map(|b| b.len()).unwrap_or(0);
    BODY.set(Some((stream, body)));
    format!(" {begun} byte")
}

/// Reads on in the body of an earlier request, until that fails.
fn kept_body() -> String {
    let Some((stream, body)) = BODY.take() else {
        return " nothing kept".into();
    };
    let text = loop {
        if let Err(why) = stream.blocking_read(4096) {
            break format!(" {why:?}").replace('\n', " ");
        }
    };
    drop(stream);
    drop(body);
    text
}

fn answer(out: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the first call of body() succeeds");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the first call of write() succeeds");
    let _ = stream.blocking_write_and_flush(text.as_bytes());
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}
