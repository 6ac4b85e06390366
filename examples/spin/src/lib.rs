//! Counts visits, with Spin's SDK alone: a key-value store, SQLite and a variable.

use spin_sdk::{
    http::{Request, Response},
    http_component,
    key_value::{self, Store},
    sqlite::{self, Connection, Value},
    variables,
};

#[http_component]
fn handle(request: Request) -> Response {
    match visit(request.path()) {
        Ok(body) => Response::new(200, body),
        Err((status, problem)) => Response::new(status, problem),
    }
}

type Problem = (u16, &'static str);

fn visit(path: &str) -> Result<String, Problem> {
    let greeting = variables::get("greeting").map_err(|_| (500, "no greeting\n"))?;
    let here = count(path).map_err(|e| match e {
        key_value::Error::AccessDenied => (403, "the store is denied\n"),
        _ => (500, "the store failed\n"),
    })?;
    let all = log(path).map_err(|e| match e {
        sqlite::Error::AccessDenied => (403, "the database is denied\n"),
        _ => (500, "the database failed\n"),
    })?;
    Ok([&greeting, ": ", &here.to_string(), " here, ", &all.to_string(), " in all\n"].concat())
}

/// Adds a visit to those of a path, which the store has.
fn count(path: &str) -> Result<u64, key_value::Error> {
    let store = Store::open_default()?;
    let before = store.get(path)?.and_then(|v| String::from_utf8(v).ok()?.parse::<u64>().ok());
    let visits = before.unwrap_or(0) + 1;
    store.set(path, visits.to_string().as_bytes())?;
    Ok(visits)
}

/// Adds a visit to the database, and counts all.
fn log(path: &str) -> Result<i64, sqlite::Error> {
    let db = Connection::open_default()?;
    db.execute("CREATE TABLE IF NOT EXISTS visits(path TEXT NOT NULL)", &[])?;
    db.execute("INSERT INTO visits(path) VALUES (?)", &[Value::Text(path.to_string())])?;
    let counted = db.execute("SELECT count(*) AS n FROM visits", &[])?;
    let n = counted.rows().next().and_then(|row| row.get::<i64>("n"));
    Ok(n.unwrap_or(0))
}
