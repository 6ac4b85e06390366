//! Housekeeping for the guestbook: drops all messages but the newest. It is a
//! command, for a person or for the clock, and exports the same as a function.

use exports::example::nightly::housekeeping::Guest as Housekeeping;
use exports::wasi::cli::run::Guest as Command;
use wasi::cli::{environment, stderr, stdout};
use wasi::io::streams::OutputStream;
use wasi::keyvalue::store;

wit_bindgen::generate!({
    path: "../guestbook/wit",
    inline: "
        package example:nightly;
        interface housekeeping {
            /// Drops all messages but the newest, and returns how many.
            trim: func(keep: u32) -> result<u32, string>;
        }
        world nightly {
            import wasi:cli/environment@0.2.12;
            import wasi:cli/stderr@0.2.12;
            import wasi:cli/stdout@0.2.12;
            import wasi:keyvalue/store@0.2.0-draft2;
            export wasi:cli/run@0.2.12;
            export housekeeping;
        }
    ",
    generate_all,
});

struct Nightly;
export!(Nightly);

/// How many messages stay when nobody says.
const KEEP: u32 = 100;

impl Command for Nightly {
    fn run() -> Result<(), ()> {
        let keep = match environment::get_arguments().get(1) {
            None => KEEP,
            Some(text) => text.parse().map_err(|_| print(stderr::get_stderr(), "usage: nightly [KEEP]\n"))?,
        };
        match trim(keep) {
            Ok(dropped) => Ok(print(stdout::get_stdout(), &format!("dropped {dropped} messages\n"))),
            Err(why) => Err(print(stderr::get_stderr(), &format!("{why}\n"))),
        }
    }
}

impl Housekeeping for Nightly {
    fn trim(keep: u32) -> Result<u32, String> {
        trim(keep)
    }
}

/// Messages are numbered from 1, and older ones were dropped before.
fn trim(keep: u32) -> Result<u32, String> {
    let bucket = store::open("default").map_err(said)?;
    let count = bucket.get("guestbook/count").map_err(said)?.unwrap_or_default();
    let count: i64 = String::from_utf8_lossy(&count).trim().parse().unwrap_or(0);
    let mut dropped = 0;
    for number in (1..=count - i64::from(keep)).rev() {
        let key = format!("guestbook/message/{number:012}");
        if !bucket.exists(&key).map_err(said)? {
            break;
        }
        bucket.delete(&key).map_err(said)?;
        dropped += 1;
    }
    Ok(dropped)
}

fn said(error: store::Error) -> String {
    match error {
        store::Error::NoSuchStore => "there is no such store".into(),
        store::Error::AccessDenied => "access to the guestbook is denied".into(),
        store::Error::Other(why) => why,
    }
}

fn print(stream: OutputStream, text: &str) {
    let _ = stream.blocking_write_and_flush(text.as_bytes());
}
