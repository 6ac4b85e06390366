//! What both guests need of wasi:http: reading a small body, and answering text.

use crate::wasi::http::types::{Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

const MAX_BODY: usize = 256 << 10;

/// The body as text, unless it is too long or none.
pub fn read(request: &IncomingRequest) -> Option<String> {
    let body = request.consume().ok()?;
    let stream = body.stream().ok()?;
    let mut bytes = Vec::new();
    while let Ok(chunk) = stream.blocking_read(64 << 10) {
        bytes.extend(chunk);
        if bytes.len() > MAX_BODY {
            return None;
        }
    }
    drop(stream);
    IncomingBody::finish(body);
    String::from_utf8(bytes).ok()
}

pub fn send(status: u16, text: &str, out: ResponseOutparam) {
    let headers = Fields::new();
    let _ = headers.set("content-type", &[b"text/plain; charset=utf-8".to_vec()]);
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(status);
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
