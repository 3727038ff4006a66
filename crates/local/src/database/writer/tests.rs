use crate::database::connect_to_read;
use crate::sample::sample;
use leadwire_pipeline::port::PortErrorKind;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

const ACTION: &str = "note";

fn note(connection: &Connection, name: &str) -> rusqlite::Result<usize> {
    connection.execute("INSERT INTO meta (name, value) VALUES (?1, '')", [name])
}

/// The names that were noted.
fn notes(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut names = connection.prepare("SELECT name FROM meta WHERE name <> 'served_at'")?;
    let names = names.query_map([], |row| row.get(0))?;
    names.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_gathered_is_committed_together() {
    let sample = sample();
    let database = sample.home.database.clone();
    let outside = connect_to_read(&sample.home.folder().database()).unwrap();
    let outside = Arc::new(Mutex::new(outside));
    let commits = Arc::new(Mutex::new(BTreeSet::new()));
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gatekeeper = tokio::spawn({
        let database = database.clone();
        let work = move |_connection: &Connection| Ok(gate.recv().is_ok());
        async move { database.write(ACTION, work).await }
    });
    let mut writers = JoinSet::new();
    for number in 0..1000 {
        let (outside, commits) = (Arc::clone(&outside), Arc::clone(&commits));
        let work = move |connection: &Connection| {
            // What others can see does not change within a transaction.
            let seen = notes(&outside.lock().unwrap())?.len();
            commits.lock().unwrap().insert(seen);
            note(connection, &number.to_string())
        };
        let database = database.clone();
        writers.spawn(async move { database.write(ACTION, work).await.unwrap() });
    }
    open.send(()).unwrap();
    assert!(gatekeeper.await.unwrap().unwrap());
    let written = writers.join_all().await;
    assert!(written.iter().all(|rows| *rows == 1));
    assert_eq!(notes(&outside.lock().unwrap()).unwrap().len(), 1000);
    let commits = commits.lock().unwrap().len();
    assert!(commits <= 100, "1000 writes took {commits} commits");
}

#[tokio::test]
async fn an_answer_follows_the_commit() {
    let sample = sample();
    let path = sample.home.folder().database();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let after = {
        let seen = Arc::clone(&seen);
        move |_rows: &usize| {
            *seen.lock().unwrap() = notes(&connect_to_read(&path).unwrap()).unwrap();
        }
    };
    let work = |connection: &Connection| note(connection, "a");
    let written = sample.home.database.write_then(ACTION, work, after).await;
    written.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["a"]);
}

#[tokio::test]
async fn a_job_that_fails_leaves_nothing_and_harms_no_other() {
    let sample = sample();
    let database = &sample.home.database;
    let bad = |connection: &Connection| {
        note(connection, "half")?;
        connection.execute("INSERT INTO no_such_table VALUES (1)", [])
    };
    let (good, bad) = tokio::join!(
        database.write(ACTION, |connection| note(connection, "good")),
        database.write(ACTION, bad)
    );
    assert_eq!(good.unwrap(), 1);
    let bad = bad.unwrap_err();
    assert_eq!(bad.kind, PortErrorKind::Permanent);
    assert_eq!(bad.source.to_string(), "the database refused");
    assert_eq!(database.read(ACTION, notes).await.unwrap(), ["good"]);
}

#[tokio::test]
async fn work_that_was_asked_for_is_done_although_its_caller_has_gone() {
    let sample = sample();
    let database = sample.home.database.clone();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let work = move |connection: &Connection| {
        gate.recv().expect("the gate is opened");
        note(connection, "orphan")
    };
    // Polled once, so that the work is queued; then its caller goes.
    let asked = tokio::time::timeout(Duration::ZERO, database.write(ACTION, work));
    assert!(asked.await.is_err());
    open.send(()).unwrap();
    database.write(ACTION, |_connection| Ok(())).await.unwrap();
    assert_eq!(database.read(ACTION, notes).await.unwrap(), ["orphan"]);
}
