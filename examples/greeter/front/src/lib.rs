//! Serves HTTP with greetings that another component makes: GET /NAME greets
//! NAME in each language.

use example::greeter::greetings::{Greeter, Language, Refusal};
use exports::wasi::http::incoming_handler::Guest;
use wasi::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

wit_bindgen::generate!({ path: "../wit", world: "front", generate_all });

struct Front;
export!(Front);

impl Guest for Front {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let name = path.split('?').next().unwrap_or_default().trim_start_matches('/');
        let (status, text) = match greet(name) {
            Ok(text) => (200, text),
            Err(Refusal::NoName) => (400, "say who you are: GET /NAME\n".to_string()),
            Err(Refusal::TooLong(length)) => (400, format!("a name of {length} bytes is too long\n")),
        };
        send(status, &text, out);
    }
}

fn greet(name: &str) -> Result<String, Refusal> {
    let mut text = String::new();
    for language in [Language::English, Language::French, Language::Japanese] {
        let greeter = Greeter::new(language);
        let greeting = greeter.greet(name)?;
        text.push_str(&format!("{}. {}\n", greeting.number, greeting.text));
    }
    Ok(text)
}

fn send(status: u16, text: &str, out: ResponseOutparam) {
    let headers = Fields::new();
    let _ = headers.set("content-type", &[b"text/plain; charset=utf-8".to_vec()]);
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(status);
    let body = response.body().expect("the first call of body() succeeds");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the first call of write() succeeds");
    let _ = stream.blocking_write_and_flush(text.as_bytes());
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}
