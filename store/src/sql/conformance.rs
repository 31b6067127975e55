//! What every engine behind the relational port must do. A second engine calls [`check`] on an empty database of its own.
//!
//! It asserts, because it is a test; it lives in the library so that another engine's crate can run it.

use std::ops::ControlFlow;
use std::time::Duration;

use super::{Connection, Database, Row, Statement, Value};

async fn rows(on: &mut dyn Connection, statement: Statement) -> Vec<Row> {
    let mut found = Vec::new();
    let mut each = |row| {
        found.push(row);
        ControlFlow::Continue(())
    };
    on.query(statement, &mut each).await.expect("the query is right");
    found
}

async fn count(on: &mut dyn Connection) -> i64 {
    let found = rows(on, Statement::new("SELECT COUNT(*) AS n FROM conformance")).await;
    found[0].get("n").expect("a count")
}

fn insert(id: &str, number: impl Into<Value>) -> Statement {
    Statement::new("INSERT INTO conformance (id, number) VALUES ($1, $2)").bind(id).bind(number)
}

/// Runs every check. The database has a table `conformance` with `id` (text, primary key), `whole` (64-bit integer), `number`
/// (double) and `word` (text), all but the key nullable, and nothing in it.
///
/// # Panics
/// When the engine does not conform.
pub async fn check(database: &dyn Database) {
    values_come_back_as_they_were_bound(database).await;
    what_is_not_committed_never_was(database).await;
    a_snapshot_sees_one_moment(database).await;
    a_refused_statement_spoils_nothing_else(database).await;
    a_reader_may_stop_and_may_not_write(database).await;
    one_change_waits_for_the_other(database).await;
}

async fn values_come_back_as_they_were_bound(database: &dyn Database) {
    let mut change = database.change().await.expect("a change");
    let hostile = "'; DROP TABLE conformance; -- 液氯 \u{1F525}";
    let values = [
        (Value::Int(i64::MIN), Value::Real(1e-300), Value::from(hostile)),
        (Value::Int(i64::MAX), Value::Real(-0.1), Value::from("")),
        (Value::Null, Value::Null, Value::Null),
    ];
    let mut statement = Statement::new("INSERT INTO conformance (id, whole, number, word) ");
    statement.push_values(values.iter().enumerate(), |row, (n, (whole, number, word))| {
        row.push_bind(format!("v{n}"));
        row.push_bind(whole.clone()).push_bind(number.clone()).push_bind(word.clone());
    });
    change.execute(statement).await.expect("the statement is right");
    change.commit().await.expect("it can be committed");
    let mut on = database.read().await.expect("a connection");
    let found = rows(&mut *on, Statement::new("SELECT * FROM conformance ORDER BY id")).await;
    assert_eq!(found.len(), 3);
    for (row, (whole, number, word)) in found.iter().zip(values) {
        assert_eq!(Value::from(row.get::<Option<i64>>("whole").expect("whole")), whole);
        assert_eq!(Value::from(row.get::<Option<f64>>("number").expect("number")), number);
        assert_eq!(Value::from(row.get::<Option<String>>("word").expect("word")), word);
    }
    assert!(found[0].get::<i64>("nothing").is_err(), "a column that is not there");
    assert!(found[0].get::<i64>("word").is_err(), "text is no number");
    assert!(found[2].get::<i64>("whole").is_err(), "nothing is no number");
    let with_text = Statement::new("SELECT id FROM conformance WHERE word = $1").bind(hostile);
    assert_eq!(rows(&mut *on, with_text).await.len(), 1);
}

async fn what_is_not_committed_never_was(database: &dyn Database) {
    let before = count(&mut *database.read().await.expect("a connection")).await;
    let mut change = database.change().await.expect("a change");
    change.execute(insert("lost", 1.0)).await.expect("the statement is right");
    assert_eq!(count(&mut *change).await, before + 1, "a change sees itself");
    assert_eq!(count(&mut *database.read().await.expect("a connection")).await, before);
    drop(change);
    let change = database.change().await.expect("another change, at once");
    change.commit().await.expect("an empty change can be committed");
    assert_eq!(count(&mut *database.read().await.expect("a connection")).await, before);
}

async fn a_snapshot_sees_one_moment(database: &dyn Database) {
    let mut snapshot = database.snapshot().await.expect("a snapshot");
    let before = count(&mut *snapshot).await;
    let mut change = database.change().await.expect("a change beside a reader");
    change.execute(insert("later", 2.0)).await.expect("the statement is right");
    change.commit().await.expect("it can be committed");
    assert_eq!(count(&mut *snapshot).await, before, "a snapshot stays where it is");
    let mut on = database.read().await.expect("a connection");
    assert_eq!(count(&mut *on).await, before + 1, "what is committed is seen at once");
}

async fn a_refused_statement_spoils_nothing_else(database: &dyn Database) {
    let before = count(&mut *database.read().await.expect("a connection")).await;
    let mut change = database.change().await.expect("a change");
    change.execute(insert("later", 3.0)).await.expect_err("its key is taken");
    drop(change);
    let mut on = database.read().await.expect("a connection");
    let wrong = Statement::new("SELECT nonsense FROM conformance");
    on.query(wrong, &mut |_| ControlFlow::Continue(())).await.expect_err("no such column");
    assert_eq!(count(&mut *on).await, before, "the connection goes on");
}

async fn a_reader_may_stop_and_may_not_write(database: &dyn Database) {
    let mut on = database.read().await.expect("a connection");
    let mut seen = 0;
    let mut first = |_| {
        seen += 1;
        ControlFlow::Break(())
    };
    let all = Statement::new("SELECT id FROM conformance");
    on.query(all, &mut first).await.expect("the query is right");
    assert_eq!(seen, 1, "no row after the one that ended it");
    assert!(count(&mut *on).await > 1, "the connection goes on");
    let mut snapshot = database.snapshot().await.expect("a snapshot");
    snapshot.execute(insert("sneaked in", 4.0)).await.expect_err("a snapshot only reads");
}

async fn one_change_waits_for_the_other(database: &dyn Database) {
    let mut first = database.change().await.expect("a change");
    first.execute(insert("first", 5.0)).await.expect("the statement is right");
    let second = async {
        let mut second = database.change().await.expect("a change, after the first");
        count(&mut *second).await
    };
    let first = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = count(&mut *first).await;
        first.commit().await.expect("it can be committed");
        now
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first, second, "the second sees what the first wrote");
}
