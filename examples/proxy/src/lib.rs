//! A relay: `/http/HOST:PORT/PATH` is answered by `http://HOST:PORT/PATH`.
//!
//! Bodies stream through it in both directions, trailers included, and it never
//! holds more than one chunk. It follows no redirects.

use exports::wasi::http::incoming_handler::Guest;
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, IncomingResponse, OutgoingBody, OutgoingRequest, OutgoingResponse,
    ResponseOutparam, Scheme,
};
use wasi::io::streams::StreamError;

wit_bindgen::generate!({ world: "proxy", generate_all });

const CHUNK: u64 = 64 << 10;

struct Proxy;
export!(Proxy);

impl Guest for Proxy {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        match relay(&request) {
            Ok(response) => answer(response, out),
            Err(code) => refuse(code, out),
        }
    }
}

/// Sends the request on, and returns when the response begins.
fn relay(request: &IncomingRequest) -> Result<IncomingResponse, ErrorCode> {
    let (onward, body) = onward(request).ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let response = outgoing_handler::handle(onward, None)?;
    let sent = request.consume().map_err(|_| failed("the request has no body")).and_then(|from| pump(from, body));
    response.subscribe().block();
    let result = response.get().and_then(Result::ok).ok_or(failed("the response is gone"))?;
    // A server may answer without reading all of the request.
    result.or_else(|code| sent.and(Err(code)))
}

/// The request to the address that the path names.
fn onward(request: &IncomingRequest) -> Option<(OutgoingRequest, OutgoingBody)> {
    let target = request.path_with_query()?;
    let (scheme, rest) = target.strip_prefix('/')?.split_once('/')?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let headers = Fields::new();
    for (name, value) in request.headers().entries() {
        let _ = headers.append(&name, &value); // but for those that are about the connection
    }
    let onward = OutgoingRequest::new(headers);
    onward.set_method(&request.method()).ok()?;
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.into()),
    };
    onward.set_scheme(Some(&scheme)).ok()?;
    onward.set_authority(Some(authority)).ok()?;
    onward.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).ok()?;
    let body = onward.body().ok()?;
    Some((onward, body))
}

/// Moves a body, and its trailers, as it comes.
fn pump(from: IncomingBody, to: OutgoingBody) -> Result<(), ErrorCode> {
    let (input, output) = (from.stream().map_err(|_| failed("no stream"))?, to.write().map_err(|_| failed("no stream"))?);
    loop {
        match output.blocking_splice(&input, CHUNK) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(wasi::http::types::http_error_code(&error).unwrap_or(failed("a body ended early")));
            }
        }
    }
    drop((input, output));
    let trailers = IncomingBody::finish(from);
    trailers.subscribe().block();
    let trailers = trailers.get().and_then(Result::ok).ok_or(failed("the trailers are gone"))??;
    OutgoingBody::finish(to, trailers)
}

fn failed(why: &str) -> ErrorCode {
    ErrorCode::InternalError(Some(why.into()))
}

fn answer(response: IncomingResponse, out: ResponseOutparam) {
    let headers = Fields::new();
    for (name, value) in response.headers().entries() {
        let _ = headers.append(&name, &value);
    }
    let reply = OutgoingResponse::new(headers);
    let _ = reply.set_status_code(response.status());
    let (Ok(body), Ok(from)) = (reply.body(), response.consume()) else { return };
    ResponseOutparam::set(out, Ok(reply));
    let _ = pump(from, body); // when it fails, the visitor sees that the response is cut off
}

/// Tells the visitor why there is nothing.
fn refuse(code: ErrorCode, out: ResponseOutparam) {
    let (status, text) = match code {
        ErrorCode::HttpRequestDenied => (403, "this is not granted\n".to_string()),
        ErrorCode::HttpRequestUriInvalid => (400, "write /http/HOST:PORT/PATH\n".to_string()),
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
