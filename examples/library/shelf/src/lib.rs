//! The books of a library, which are the files of a directory that the host
//! opens for this component: `GET /` lists them, `GET /TITLE` is one of them,
//! and `PUT /TITLE` puts one there, where that is granted.

use exports::wasi::http::incoming_handler::Guest;
use wasi::filesystem::preopens;
use wasi::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasi::http::types::{Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasi::io::streams::{InputStream, StreamError};

wit_bindgen::generate!({ path: "../wit", world: "shelf", generate_all });

struct Shelf;
export!(Shelf);

impl Guest for Shelf {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let title = target.trim_start_matches('/');
        let directories = preopens::get_directories();
        let Some((directory, _)) = directories.first() else {
            return tell(out, 503, "the shelf has no directory: the host opens none for it, or nothing in it is granted\n");
        };
        let result = match request.method() {
            Method::Put => put(directory, title, &request).map(|()| tell_done(title)),
            _ if title.is_empty() => list(directory),
            _ => return lend(directory, title, out),
        };
        match result {
            Ok(text) => tell(out, 200, &text),
            Err(code) => refuse(code, out),
        }
    }
}

fn tell_done(title: &str) -> String {
    format!("{title} is on the shelf\n")
}

fn list(directory: &Descriptor) -> Result<String, ErrorCode> {
    let entries = directory.read_directory()?;
    let mut titles = Vec::new();
    while let Some(entry) = entries.read_directory_entry()? {
        titles.push(entry.name + "\n");
    }
    titles.sort();
    Ok(titles.concat())
}

/// Sends a book as it is read.
fn lend(directory: &Descriptor, title: &str, out: ResponseOutparam) {
    let opened = directory
        .open_at(PathFlags::empty(), title, OpenFlags::empty(), DescriptorFlags::READ)
        .and_then(|file| file.read_via_stream(0));
    match opened {
        Ok(book) => stream(out, &book),
        Err(code) => refuse(code, out),
    }
}

fn stream(out: ResponseOutparam, book: &InputStream) {
    let reply = OutgoingResponse::new(Fields::new());
    let Ok(body) = reply.body() else { return };
    ResponseOutparam::set(out, Ok(reply));
    let Ok(to) = body.write() else { return };
    loop {
        match to.blocking_splice(book, 64 << 10) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return,
        }
    }
    drop(to);
    let _ = OutgoingBody::finish(body, None);
}

fn put(directory: &Descriptor, title: &str, request: &IncomingRequest) -> Result<(), ErrorCode> {
    let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let file = directory.open_at(PathFlags::empty(), title, flags, DescriptorFlags::WRITE)?;
    let body = request.consume().map_err(|()| ErrorCode::Io)?;
    let from = body.stream().map_err(|()| ErrorCode::Io)?;
    let to = file.write_via_stream(0)?;
    loop {
        match to.blocking_splice(&from, 64 << 10) {
            Ok(_) => {}
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return Err(ErrorCode::Io),
        }
    }
    drop(from);
    drop(IncomingBody::finish(body));
    to.blocking_flush().map_err(|_| ErrorCode::Io)
}

fn refuse(code: ErrorCode, out: ResponseOutparam) {
    match code {
        ErrorCode::NoEntry => tell(out, 404, "there is no such book\n"),
        ErrorCode::Access | ErrorCode::NotPermitted | ErrorCode::ReadOnly => tell(out, 403, &format!("that is not granted: {}\n", code.name())),
        other => tell(out, 500, &format!("{}\n", other.name())),
    }
}

fn tell(out: ResponseOutparam, status: u16, text: &str) {
    let reply = OutgoingResponse::new(Fields::new());
    let _ = reply.set_status_code(status);
    let Ok(body) = reply.body() else { return };
    ResponseOutparam::set(out, Ok(reply));
    if let Ok(stream) = body.write() {
        let _ = stream.blocking_write_and_flush(text.as_bytes());
    }
    let _ = OutgoingBody::finish(body, None);
}
