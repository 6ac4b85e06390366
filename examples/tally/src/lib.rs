//! Counts the guestbook's messages as they come and go: it runs only when the
//! store tells of a change, and keeps what it knows in the store.

use exports::wasi::keyvalue::watcher::{Bucket, Guest};
use wasi::keyvalue::atomics::increment;
use wasi::keyvalue::store::Error;

wit_bindgen::generate!({
    path: "../guestbook/wit",
    inline: "
        package example:tally;
        world tally {
            import wasi:cli/stdout@0.2.12;
            import wasi:keyvalue/store@0.2.0-draft2;
            import wasi:keyvalue/atomics@0.2.0-draft2;
            export wasi:keyvalue/watcher@0.2.0-draft2;
        }
    ",
    generate_all,
});

struct Tally;
export!(Tally);

impl Guest for Tally {
    fn on_set(bucket: Bucket, key: String, value: Vec<u8>) {
        match set(&bucket, &key, &value) {
            Ok(count) => print(&format!("{count} messages, the latest is {key}\n")),
            Err(why) => print(&format!("{key} is not counted: {why:?}\n")),
        }
    }

    fn on_delete(bucket: Bucket, key: String) {
        match increment(&bucket, "tally/messages", -1) {
            Ok(count) => print(&format!("{count} messages, {key} is gone\n")),
            Err(why) => print(&format!("{key} still counts: {why:?}\n")),
        }
    }
}

fn set(bucket: &Bucket, key: &str, value: &[u8]) -> Result<i64, Error> {
    bucket.set("tally/latest", key.as_bytes())?;
    increment(bucket, "tally/bytes", value.len() as i64)?;
    increment(bucket, "tally/messages", 1)
}

fn print(text: &str) {
    let _ = wasi::cli::stdout::get_stdout().blocking_write_and_flush(text.as_bytes());
}
