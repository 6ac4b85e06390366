//! A guestbook: messages in wasi:keyvalue, served over wasi:http.
//!
//! Keys, all below `guestbook/`: `count` is the number of messages ever
//! written, `message/<number>` is one of them.

mod page;

use exports::wasi::http::incoming_handler::Guest;
use wasi::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasi::io::streams::StreamError;
use wasi::keyvalue::{atomics, batch, store};

wit_bindgen::generate!({ world: "guestbook", generate_all });

const COUNT: &str = "guestbook/count";
const SHOWN: i64 = 50;
const MAX_FORM: usize = 8 << 10;

struct Guestbook;
export!(Guestbook);

/// What goes back to the visitor.
enum Reply {
    Page(u16, String),
    SeeOther(&'static str),
}

impl Guest for Guestbook {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let reply = route(request).unwrap_or_else(|error| match error {
            store::Error::AccessDenied => Reply::Page(403, page::denied()),
            store::Error::NoSuchStore => Reply::Page(500, page::problem("there is no such store")),
            store::Error::Other(why) => Reply::Page(503, page::problem(&why)),
        });
        send(reply, out);
    }
}

fn route(request: IncomingRequest) -> Result<Reply, store::Error> {
    let path = request.path_with_query().unwrap_or_default();
    match (request.method(), path.split('?').next()) {
        (Method::Get | Method::Head, Some("/")) => Ok(Reply::Page(200, page::messages(&latest()?))),
        (Method::Post, Some("/")) => match form_value(&request, "message") {
            Some(message) if !message.trim().is_empty() => {
                write(message.trim())?;
                Ok(Reply::SeeOther("/"))
            }
            _ => Ok(Reply::Page(400, page::problem("the form needs a message of up to 8 KiB"))),
        },
        (_, Some("/")) => Ok(Reply::Page(405, page::problem("this page takes GET and POST"))),
        _ => Ok(Reply::Page(404, page::problem("there is no such page"))),
    }
}

fn message_key(number: i64) -> String {
    format!("guestbook/message/{number:012}")
}

fn write(message: &str) -> Result<(), store::Error> {
    let bucket = store::open("default")?;
    let number = atomics::increment(&bucket, COUNT, 1)?;
    bucket.set(&message_key(number), message.as_bytes())
}

/// The latest messages, newest first.
fn latest() -> Result<Vec<String>, store::Error> {
    let bucket = store::open("default")?;
    let count = atomics::increment(&bucket, COUNT, 0)?;
    let keys: Vec<String> = (1..=count).rev().take(SHOWN as usize).map(message_key).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let found = batch::get_many(&bucket, &keys)?;
    Ok(found.into_iter().flatten().map(|(_, text)| String::from_utf8_lossy(&text).into_owned()).collect())
}

/// A value of a form sent as application/x-www-form-urlencoded.
fn form_value(request: &IncomingRequest, name: &str) -> Option<String> {
    let form = read_body(request)?;
    form.split(|&b| b == b'&').find_map(|pair| {
        let mut halves = pair.splitn(2, |&b| b == b'=');
        (halves.next()? == name.as_bytes()).then(|| page::form_decode(halves.next().unwrap_or_default()))
    })
}

fn read_body(request: &IncomingRequest) -> Option<Vec<u8>> {
    let body = request.consume().ok()?;
    let stream = body.stream().ok()?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(MAX_FORM as u64) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return None,
        }
        if bytes.len() > MAX_FORM {
            return None;
        }
    }
    drop(stream);
    IncomingBody::finish(body);
    Some(bytes)
}

fn send(reply: Reply, out: ResponseOutparam) {
    let headers = Fields::new();
    let (status, text) = match reply {
        Reply::Page(status, text) => {
            let _ = headers.set("content-type", &[b"text/html; charset=utf-8".to_vec()]);
            (status, text)
        }
        Reply::SeeOther(location) => {
            let _ = headers.set("location", &[location.as_bytes().to_vec()]);
            (303, String::new())
        }
    };
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
