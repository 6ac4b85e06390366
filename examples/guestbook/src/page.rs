//! The pages as HTML, and the text forms they need.

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Guestbook</title>\n\
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:38em;margin:3em auto;padding:0 1em}\
li{margin:.4em 0}input{font:inherit;width:70%}</style>\n<h1>Guestbook</h1>\n";

/// The messages, with the form to add one.
pub fn messages(messages: &[String]) -> String {
    let mut html = String::from(HEAD);
    html.push_str("<form method=\"post\"><input name=\"message\" maxlength=\"1000\" autofocus> <button>Sign</button></form>\n<ul>\n");
    for message in messages {
        html.push_str("<li>");
        escape(message, &mut html);
        html.push_str("</li>\n");
    }
    html.push_str("</ul>\n");
    html
}

/// What a visitor sees when the host does not grant the store.
pub fn denied() -> String {
    problem("access to the guestbook's store is denied")
}

/// A page that says what is wrong.
pub fn problem(why: &str) -> String {
    let mut html = String::from(HEAD);
    html.push_str("<p>Sorry: ");
    escape(why, &mut html);
    html.push_str(".</p>\n");
    html
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            _ => html.push(c),
        }
    }
}

/// Decodes a value of application/x-www-form-urlencoded (WHATWG URL, section 5.1).
pub fn form_decode(value: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut at = 0;
    while at < value.len() {
        let (byte, used) = match value[at] {
            b'+' => (b' ', 1),
            b'%' => hex_pair(value.get(at + 1..at + 3)).map_or((b'%', 1), |decoded| (decoded, 3)),
            other => (other, 1),
        };
        bytes.push(byte);
        at += used;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_pair(digits: Option<&[u8]>) -> Option<u8> {
    let text = std::str::from_utf8(digits?).ok()?;
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(text, 16).ok())?
}
