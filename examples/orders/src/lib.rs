//! Orders: a small JSON API over a database, SQLite or PostgreSQL, in writ:sql.
//!
//!     POST   /orders      {"customer": "Ann", "lines": [{"item": "tea", "quantity": 2, "cents": 250}]}
//!     GET    /orders      the latest, newest first; ?customer=Ann for one customer's
//!     DELETE /orders/1    which the component asks for, and is not granted
//!
//! The tables are made when they are first missed.

mod http;
mod store;

use exports::wasi::http::incoming_handler::Guest;
use serde_json::{json, Value as Json};
use wasi::http::types::{IncomingRequest, Method, ResponseOutparam};
use writ::sql::sql::{ConstraintKind, Error};

wit_bindgen::generate!({ world: "orders", generate_all });

struct Orders;
export!(Orders);

impl Guest for Orders {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (status, body) = route(request).unwrap_or_else(problem);
        http::send(status, &body, out);
    }
}

fn route(request: IncomingRequest) -> Result<(u16, Json), Error> {
    let target = request.path_with_query().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    match (request.method(), path.strip_prefix("/orders")) {
        (Method::Get, Some("")) => Ok((200, store::list(query.strip_prefix("customer="))?)),
        (Method::Post, Some("")) => match http::read_json(&request).as_ref().and_then(store::read_order) {
            Some(order) => Ok((201, store::add(&order)?)),
            None => Ok((400, json!({"error": "an order has a customer and lines of item, quantity and cents"}))),
        },
        (Method::Delete, Some(rest)) => match rest.trim_start_matches('/').parse() {
            Ok(id) => Ok((200, store::cancel(id)?)),
            Err(_) => Ok((404, json!({"error": "there is no such order"}))),
        },
        _ => Ok((404, json!({"error": "there is no such resource"}))),
    }
}

/// A database's error as an answer.
fn problem(error: Error) -> (u16, Json) {
    let (status, text) = match error {
        Error::AccessDenied => (403, "not granted".to_string()),
        Error::Constraint(v) if v.kind == ConstraintKind::Check => (422, v.message),
        Error::Constraint(v) => (409, v.message),
        // A transaction ends with the provider's process: the visitor may try again.
        Error::Conflict(why) | Error::Unavailable(why) | Error::Timeout(why) | Error::Closed(why) => (503, why),
        Error::NoSuchDatabase => (500, "there is no such database".to_string()),
        Error::Syntax(why) | Error::NotAllowed(why) | Error::Invalid(why) | Error::TooLarge(why) | Error::Other(why) => {
            (500, why)
        }
    };
    (status, json!({ "error": text }))
}
