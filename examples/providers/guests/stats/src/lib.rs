//! Statistics over HTTP, done by a provider: POST numbers, one on a line.

#[path = "../../http.rs"]
mod http;

use example::stats::summary::{summarise, Histogram, Problem};
use exports::wasi::http::incoming_handler::Guest;
use wasi::http::types::{IncomingRequest, ResponseOutparam};

wit_bindgen::generate!({
    inline: "
        package example:stats-guest;
        world guest {
            import example:stats/summary@0.1.0;
            import wasi:http/types@0.2.12;
            export wasi:http/incoming-handler@0.2.12;
        }",
    path: [
        "../../../guestbook/wit/deps/io", "../../../guestbook/wit/deps/clocks", "../../../guestbook/wit/deps/random",
        "../../../guestbook/wit/deps/filesystem", "../../../guestbook/wit/deps/sockets", "../../../guestbook/wit/deps/cli",
        "../../../guestbook/wit/deps/http", "../../stats",
    ],
    world: "guest",
    generate_all,
});

struct Stats;
export!(Stats);

impl Guest for Stats {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (status, text) = match read_samples(&request) {
            Some(samples) => report(&samples).unwrap_or_else(|problem| match problem {
                Problem::AccessDenied => (403, "no grant allows this\n".into()),
                Problem::Unavailable => (503, "the provider does not answer\n".into()),
                Problem::NotFinite(at) => (400, format!("sample {at} is not a finite number\n")),
            }),
            None => (400, "want numbers, one on a line\n".into()),
        };
        http::send(status, &text, out);
    }
}

fn read_samples(request: &IncomingRequest) -> Option<Vec<f64>> {
    http::read(request)?.split_whitespace().map(|number| number.parse().ok()).collect()
}

fn report(samples: &[f64]) -> Result<(u16, String), Problem> {
    let moments = summarise(samples)?;
    let mut text = format!("count {}\nmean {}\n", moments.count, moments.mean);
    if let Some(deviation) = moments.deviation {
        text += &format!("deviation {deviation:.3}\n");
    }
    let histogram = Histogram::new(10.0);
    histogram.add(samples)?;
    for (from, count) in histogram.buckets() {
        text += &format!("{from} to {}: {count}\n", from + 10.0);
    }
    Ok((200, text))
}
