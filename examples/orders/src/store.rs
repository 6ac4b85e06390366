//! The orders as the database keeps them.

use crate::writ::sql::sql::{self, Database, Error, Mode, Row, Rows, Value};
use serde_json::{json, Value as Json};

const SHOWN: i64 = 50;

pub struct Order {
    customer: String,
    lines: Vec<Line>,
}

struct Line {
    item: String,
    quantity: i64,
    cents: i64,
}

pub fn read_order(body: &Json) -> Option<Order> {
    let lines = body["lines"].as_array()?.iter().map(read_line).collect::<Option<Vec<_>>>()?;
    let customer = body["customer"].as_str()?.to_string();
    (!lines.is_empty()).then_some(Order { customer, lines })
}

fn read_line(line: &Json) -> Option<Line> {
    Some(Line {
        item: line["item"].as_str()?.to_string(),
        quantity: line["quantity"].as_i64()?,
        cents: line["cents"].as_i64()?,
    })
}

const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS orders(
       id BIGINT PRIMARY KEY, customer TEXT NOT NULL, at TIMESTAMP NOT NULL DEFAULT current_timestamp)",
    "CREATE TABLE IF NOT EXISTS lines(
       order_id BIGINT NOT NULL REFERENCES orders(id), item TEXT NOT NULL,
       quantity INTEGER NOT NULL CHECK (quantity > 0), cents INTEGER NOT NULL CHECK (cents >= 0))",
];

/// Opens the database and does something with it, a second time with the
/// tables made when they were missed.
fn with<T>(act: impl Fn(&Database) -> Result<T, Error>) -> Result<T, Error> {
    let database = sql::open("default")?;
    match act(&database) {
        Err(Error::Syntax(why)) if why.contains("no such table") || why.contains("does not exist") => {
            for table in TABLES {
                database.execute(table, &[])?;
            }
            act(&database)
        }
        done => done,
    }
}

/// How often a transaction that others got in the way of is done anew.
const TRIES: usize = 20;

/// Adds an order with its lines, or nothing of it.
pub fn add(order: &Order) -> Result<Json, Error> {
    with(|database| {
        let mut id = insert(database, order);
        for _ in 1..TRIES {
            match id {
                Err(Error::Conflict(_)) => id = insert(database, order),
                _ => break,
            }
        }
        let total: i64 = order.lines.iter().map(|l| l.quantity * l.cents).sum();
        Ok(json!({"id": id?, "cents": total}))
    })
}

/// Gives the order the number after the last, which is the same in every SQL.
fn insert(database: &Database, order: &Order) -> Result<i64, Error> {
    let transaction = database.begin(Mode::ReadWrite)?;
    let last = transaction.query("SELECT coalesce(max(id), 0) FROM orders", &[])?;
    let id = 1 + last.next(1)?.first().map(|row| integer(row, 0)).unwrap_or_default();
    transaction.execute("INSERT INTO orders(id, customer) VALUES ($1, $2)", &[Value::Integer(id), Value::Text(order.customer.clone())])?;
    for line in &order.lines {
        transaction.execute(
            "INSERT INTO lines VALUES ($1, $2, $3, $4)",
            &[Value::Integer(id), Value::Text(line.item.clone()), Value::Integer(line.quantity), Value::Integer(line.cents)],
        )?;
    }
    transaction.commit()?;
    Ok(id)
}

pub fn list(customer: Option<&str>) -> Result<Json, Error> {
    with(|database| {
        let whose = customer.map_or(Value::Null, |name| Value::Text(name.to_string()));
        let rows = database.query(
            "SELECT o.id, o.customer, o.at, sum(l.quantity * l.cents) FROM orders o JOIN lines l ON l.order_id = o.id
             WHERE $1 IS NULL OR o.customer = $1 GROUP BY o.id ORDER BY o.id DESC LIMIT $2",
            &[whose, Value::Integer(SHOWN)],
        )?;
        all(&rows, |row| json!({"id": integer(row, 0), "customer": text(row, 1), "at": seconds(row, 2), "cents": integer(row, 3)}))
    })
}

pub fn cancel(id: i64) -> Result<Json, Error> {
    with(|database| {
        let gone = database.execute("DELETE FROM orders WHERE id = $1", &[Value::Integer(id)])?;
        Ok(json!({ "cancelled": gone }))
    })
}

fn all(rows: &Rows, show: impl Fn(&Row) -> Json) -> Result<Json, Error> {
    let mut list = Vec::new();
    loop {
        let page = rows.next(0)?;
        if page.is_empty() {
            return Ok(Json::Array(list));
        }
        list.extend(page.iter().map(&show));
    }
}

fn integer(row: &Row, column: usize) -> i64 {
    match row.get(column) {
        Some(Value::Integer(n)) => *n,
        _ => 0,
    }
}

fn text(row: &Row, column: usize) -> &str {
    match row.get(column) {
        Some(Value::Text(s)) => s,
        _ => "",
    }
}

/// Seconds since 1970, of a column with date and time.
fn seconds(row: &Row, column: usize) -> i64 {
    match row.get(column) {
        Some(Value::Datetime(us) | Value::Timestamp(us)) => us / 1_000_000,
        _ => 0,
    }
}
