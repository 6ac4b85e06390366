//! JSON in and out over wasi:http.

use crate::wasi::http::types::{Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use crate::wasi::io::streams::StreamError;
use serde_json::Value as Json;

const MAX_BODY: usize = 64 << 10;

pub fn read_json(request: &IncomingRequest) -> Option<Json> {
    serde_json::from_slice(&read_body(request)?).ok()
}

fn read_body(request: &IncomingRequest) -> Option<Vec<u8>> {
    let body = request.consume().ok()?;
    let stream = body.stream().ok()?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(MAX_BODY as u64) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return None,
        }
        if bytes.len() > MAX_BODY {
            return None;
        }
    }
    drop(stream);
    IncomingBody::finish(body);
    Some(bytes)
}

pub fn send(status: u16, body: &Json, out: ResponseOutparam) {
    let headers = Fields::new();
    let _ = headers.set("content-type", &[b"application/json".to_vec()]);
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(status);
    let sink = response.body().expect("the first call of body() succeeds");
    ResponseOutparam::set(out, Ok(response));
    let stream = sink.write().expect("the first call of write() succeeds");
    for piece in body.to_string().as_bytes().chunks(4096) {
        if stream.blocking_write_and_flush(piece).is_err() {
            return; // the client went away
        }
    }
    drop(stream);
    let _ = OutgoingBody::finish(sink, None);
}
