//! What visitors see of a library: `/` lists its books and `/books/TITLE` is
//! one of them. The books are with another component of the app, the shelf,
//! which nobody else can call.

use exports::wasi::http::incoming_handler::Guest;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, IncomingResponse, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use wasi::io::streams::StreamError;

wit_bindgen::generate!({ path: "../wit", world: "front", generate_all });

const SHELF: &str = "shelf.writ.internal";

struct Front;
export!(Front);

impl Guest for Front {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        match ask(&request) {
            Ok(response) => answer(response, out),
            Err(code) => refuse(code, out),
        }
    }
}

/// Asks the shelf. A visitor's body goes on to it as it comes.
fn ask(request: &IncomingRequest) -> Result<IncomingResponse, ErrorCode> {
    let onward = OutgoingRequest::new(Fields::new());
    let title = request.headers().get("spin-path-match-title").into_iter().next().unwrap_or_default();
    let path = format!("/{}", String::from_utf8_lossy(&title));
    let made = onward.set_method(&request.method()).is_ok()
        && onward.set_scheme(Some(&Scheme::Http)).is_ok()
        && onward.set_authority(Some(SHELF)).is_ok()
        && onward.set_path_with_query(Some(&path)).is_ok();
    let body = onward.body().map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    if !made {
        return Err(ErrorCode::HttpRequestUriInvalid);
    }
    let response = outgoing_handler::handle(onward, None)?;
    if let Ok(from) = request.consume() {
        pump(from, body);
    }
    response.subscribe().block();
    response.get().and_then(Result::ok).unwrap_or(Err(ErrorCode::InternalError(None)))
}

/// Moves a body as it comes. Where it ends early, what waits for it hears so.
fn pump(from: IncomingBody, to: OutgoingBody) {
    let (Ok(input), Ok(output)) = (from.stream(), to.write()) else { return };
    loop {
        match output.blocking_splice(&input, 64 << 10) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return,
        }
    }
    drop((input, output));
    let _ = OutgoingBody::finish(to, None);
}

fn answer(response: IncomingResponse, out: ResponseOutparam) {
    let headers = Fields::new();
    let _ = headers.append("content-type", b"text/plain; charset=utf-8");
    let reply = OutgoingResponse::new(headers);
    let _ = reply.set_status_code(response.status());
    let (Ok(body), Ok(from)) = (reply.body(), response.consume()) else { return };
    ResponseOutparam::set(out, Ok(reply));
    pump(from, body);
}

/// Tells the visitor why there is nothing.
fn refuse(code: ErrorCode, out: ResponseOutparam) {
    let (status, text) = match code {
        ErrorCode::HttpRequestDenied => (403, "the shelf is out of reach: nothing grants it\n".to_string()),
        other => (502, format!("{other:?}\n")),
    };
    let reply = OutgoingResponse::new(Fields::new());
    let _ = reply.set_status_code(status);
    let Ok(body) = reply.body() else { return };
    ResponseOutparam::set(out, Ok(reply));
    if let Ok(stream) = body.write() {
        let _ = stream.blocking_write_and_flush(text.as_bytes());
    }
    let _ = OutgoingBody::finish(body, None);
}
