//! A spelling service over the dictionary of a provider:
//!
//!     GET  /check/helo    what the dictionary says of a word
//!     POST /              a text; the answer is the text with each misspelt word
//!                         replaced by the best suggestion

#[path = "../../http.rs"]
mod http;

use example::words::dictionary::{check, Document, Problem, Verdict};
use exports::wasi::http::incoming_handler::Guest;
use wasi::http::types::{IncomingRequest, Method, ResponseOutparam};

wit_bindgen::generate!({
    inline: "
        package example:words-guest;
        world guest {
            import example:words/dictionary@0.1.0;
            import wasi:http/types@0.2.12;
            export wasi:http/incoming-handler@0.2.12;
        }",
    path: [
        "../../../guestbook/wit/deps/io", "../../../guestbook/wit/deps/clocks", "../../../guestbook/wit/deps/random",
        "../../../guestbook/wit/deps/filesystem", "../../../guestbook/wit/deps/sockets", "../../../guestbook/wit/deps/cli",
        "../../../guestbook/wit/deps/http", "../../words",
    ],
    world: "guest",
    generate_all,
});

struct Words;
export!(Words);

impl Guest for Words {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (status, text) = route(&request).unwrap_or_else(|problem| match problem {
            Problem::AccessDenied => (403, "no grant allows this".into()),
            Problem::Unavailable => (503, "the dictionary does not answer".into()),
            Problem::TooLong => (413, "the text is too long".into()),
        });
        http::send(status, &(text + "\n"), out);
    }
}

fn route(request: &IncomingRequest) -> Result<(u16, String), Problem> {
    let path = request.path_with_query().unwrap_or_default();
    match (request.method(), path.strip_prefix("/check/")) {
        (Method::Get, Some(word)) => Ok((200, describe(&check(word)?))),
        (Method::Post, None) => match http::read(request) {
            Some(text) => Ok((200, correct(&text)?)),
            None => Ok((413, "the text is too long, or no text".into())),
        },
        _ => Ok((404, "GET /check/WORD, or POST a text".into())),
    }
}

fn describe(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Correct => "correct".into(),
        Verdict::Misspelt(suggestions) => {
            let words: Vec<&str> = suggestions.iter().map(|s| s.word.as_str()).collect();
            format!("misspelt; did you mean: {}?", words.join(", "))
        }
    }
}

fn correct(text: &str) -> Result<String, Problem> {
    let document = Document::new(text);
    for word in document.misspelt()? {
        if let Verdict::Misspelt(suggestions) = check(&word)? {
            if let Some(best) = suggestions.first() {
                document.replace(&word, &best.word);
            }
        }
    }
    Ok(document.text())
}
