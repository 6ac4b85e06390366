//! Implements example:greeter/greetings.

use exports::example::greeter::greetings::{Greeting, Guest, GuestGreeter, Language, Refusal};
use std::cell::Cell;

wit_bindgen::generate!({ path: "../wit", world: "back", generate_all });

const LONGEST: usize = 64;

struct Back;
export!(Back);

impl Guest for Back {
    type Greeter = Greeter;
}

struct Greeter {
    language: Language,
    greeted: Cell<u32>,
}

impl GuestGreeter for Greeter {
    fn new(language: Language) -> Self {
        Greeter { language, greeted: Cell::new(0) }
    }

    fn greet(&self, name: String) -> Result<Greeting, Refusal> {
        if name.is_empty() {
            return Err(Refusal::NoName);
        }
        if name.len() > LONGEST {
            return Err(Refusal::TooLong(name.len() as u32));
        }
        self.greeted.set(self.greeted.get() + 1);
        let text = match self.language {
            Language::English => format!("Hello, {name}!"),
            Language::French => format!("Bonjour, {name} !"),
            Language::Japanese => format!("{name}さん、こんにちは。"),
        };
        Ok(Greeting { text, number: self.greeted.get() })
    }
}
