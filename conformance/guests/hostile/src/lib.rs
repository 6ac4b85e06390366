//! A component that breaks its host, or tries to: the path of the request
//! says how. `/ok` behaves, so that a test sees that the others cost nobody
//! else anything.

mod raw;

use exports::wasi::http::incoming_handler::Guest;
use wasi::cli::{exit, stderr, stdout};
use wasi::clocks::monotonic_clock;
use wasi::http::types::{ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasi::io::streams::OutputStream;
use wasi::keyvalue::store;

wit_bindgen::generate!({
    path: "../../../examples/guestbook/wit",
    inline: "
        package conformance:hostile;
        world hostile {
            import wasi:cli/exit@0.2.12;
            import wasi:cli/stderr@0.2.12;
            import wasi:cli/stdout@0.2.12;
            import wasi:clocks/monotonic-clock@0.2.12;
            import wasi:http/types@0.2.12;
            import wasi:keyvalue/store@0.2.0-draft2;
            export wasi:http/incoming-handler@0.2.12;
        }
    ",
    generate_all,
});

const MIB: usize = 1 << 20;

struct Hostile;
export!(Hostile);

impl Guest for Hostile {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        match path.strip_prefix("/small").unwrap_or(&path) {
            "/ok" => answer(out, "ok\n"),
            "/spin" => spin(),
            "/spin-in-realloc" => raw::spin_in_realloc(),
            "/alloc" => allocate(),
            "/grow" => answer(out, &format!("{} pages\n", grow())),
            "/deep" => answer(out, &format!("{}\n", deep(1))),
            "/trap" => core::arch::wasm32::unreachable(),
            "/panic" => panic!("the guest gives up"),
            "/exit" => exit::exit(Ok(())),
            "/exit-code" => exit::exit_with_code(3),
            "/sleep" => monotonic_clock::subscribe_duration(3_600_000_000_000).block(),
            "/silent" => {}
            "/drop" => drop(out),
            "/error" => ResponseOutparam::set(out, Err(ErrorCode::InternalError(Some("no idea".into())))),
            "/bad-status" => with_status(out, 1000),
            "/informational" => with_status(out, 101),
            "/bad-header" => with_header(out, "x-split", b"a\r\nset-cookie: b"),
            "/bad-name" => with_header(out, "x y", b"a"),
            "/forbidden-header" => with_header(out, "transfer-encoding", b"chunked"),
            "/huge-header" => with_header(out, "x-huge", &vec![b'x'; MIB]),
            "/many-headers" => many_headers(out),
            "/bad-length" => bad_length(out),
            "/after-head" => after_head(out),
            "/after-body" => {
                answer(out, "complete\n");
                core::arch::wasm32::unreachable()
            }
            "/unfinished" => unfinished(out),
            "/held" => held(out),
            "/endless" => endless(out),
            "/handles" => leak_handles(),
            "/streams" => leak_streams(),
            "/buffers" => fill_buffers(),
            "/chatter" => chatter(),
            "/pollables" => leak_pollables(),
            "/buckets" => leak_buckets(),
            "/stdout" => flood(stdout::get_stdout()),
            "/stderr" => flood_without_lines(stderr::get_stderr()),
            "/bad-pointer" => raw::bad_pointer(),
            "/bad-list" => raw::bad_list(),
            "/bad-return-area" => raw::bad_return_area(),
            "/bad-utf8" => raw::bad_utf8(),
            "/bad-handle" => raw::bad_handle(),
            "/wrong-handle" => raw::wrong_handle(&request),
            "/bad-case" => raw::bad_case(out),
            "/bad-realloc" => raw::bad_realloc(),
            _ => answer(out, "no such way to misbehave\n"),
        }
    }
}

fn answer(out: ResponseOutparam, text: &str) {
    send(OutgoingResponse::new(Fields::new()), out, text);
}

fn send(response: OutgoingResponse, out: ResponseOutparam, text: &str) {
    let body = response.body().expect("the first call of body() succeeds");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the first call of write() succeeds");
    let _ = stream.blocking_write_and_flush(text.as_bytes());
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

fn spin() {
    let mut n: u32 = 1;
    while core::hint::black_box(n) != 0 {
        n = n.wrapping_mul(3) | 1;
    }
}

/// Touches what it allocates, so that the memory is real.
fn allocate() {
    let mut kept = Vec::new();
    loop {
        kept.push(core::hint::black_box(vec![1u8; MIB]));
    }
}

/// Takes all memory it is given, and says how much that was.
fn grow() -> usize {
    while core::arch::wasm32::memory_grow(0, 1) != usize::MAX {}
    core::arch::wasm32::memory_size(0)
}

fn deep(n: u64) -> u64 {
    if core::hint::black_box(n) == 0 {
        return 0;
    }
    deep(n + 1) + core::hint::black_box(n)
}

fn with_status(out: ResponseOutparam, status: u16) {
    let response = OutgoingResponse::new(Fields::new());
    response.set_status_code(status).expect("the host takes any status");
    send(response, out, "sent\n");
}

fn with_header(out: ResponseOutparam, name: &str, value: &[u8]) {
    let headers = Fields::new();
    headers.append(name, value).expect("the host takes any header");
    send(OutgoingResponse::new(headers), out, "sent\n");
}

fn many_headers(out: ResponseOutparam) {
    let headers = Fields::new();
    for n in 0.. {
        headers.append(&format!("x-{n}"), b"v").expect("the host takes any number of headers");
    }
    send(OutgoingResponse::new(headers), out, "sent\n");
}

/// Declares more than it sends.
fn bad_length(out: ResponseOutparam) {
    let headers = Fields::new();
    headers.append("content-length", b"100").expect("the length is a number");
    send(OutgoingResponse::new(headers), out, "short\n");
}

/// A response whose head and a part of whose body are on their way.
fn begin(out: ResponseOutparam) -> (OutgoingBody, OutputStream) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the first call of body() succeeds");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the first call of write() succeeds");
    let _ = stream.blocking_write_and_flush(b"begun\n");
    monotonic_clock::subscribe_duration(50_000_000).block();
    (body, stream)
}

fn after_head(out: ResponseOutparam) {
    let _begun = begin(out);
    core::arch::wasm32::unreachable()
}

fn unfinished(out: ResponseOutparam) {
    let (body, stream) = begin(out);
    drop(stream);
    drop(body);
}

/// Writes a body that is sent nowhere.
fn held(_out: ResponseOutparam) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the first call of body() succeeds");
    let stream = body.write().expect("the first call of write() succeeds");
    while stream.blocking_write_and_flush(&[b'x'; 4096]).is_ok() {}
    panic!("the host took the body without an error");
}

fn endless(out: ResponseOutparam) {
    let (_body, stream) = begin(out);
    while stream.blocking_write_and_flush(&[b'x'; 4096]).is_ok() {}
}

fn leak_handles() {
    loop {
        core::mem::forget(Fields::new());
    }
}

/// Opens streams that it does not close.
fn leak_streams() {
    loop {
        core::mem::forget(stdout::get_stdout());
    }
}

/// Has the host hold bodies that it does not send.
fn fill_buffers() {
    loop {
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the first call of body() succeeds");
        let stream = body.write().expect("the first call of write() succeeds");
        for _ in 0..16 {
            stream.blocking_write_and_flush(&[b'x'; 4096]).expect("a body holds 64 KiB");
        }
        core::mem::forget((response, body, stream));
    }
}

/// Runs without an end, and calls the host all the time.
fn chatter() {
    loop {
        core::hint::black_box(monotonic_clock::now());
    }
}

fn leak_pollables() {
    loop {
        core::mem::forget(monotonic_clock::subscribe_duration(3_600_000_000_000));
    }
}

fn leak_buckets() {
    while let Ok(bucket) = store::open("default") {
        core::mem::forget(bucket);
    }
    panic!("the host opened no more buckets");
}

fn flood(stream: OutputStream) {
    let line = [&[b'x'; 100][..], b"\n"].concat();
    while stream.blocking_write_and_flush(&line).is_ok() {}
}

fn flood_without_lines(stream: OutputStream) {
    while stream.blocking_write_and_flush(&[b'x'; 4096]).is_ok() {}
}
