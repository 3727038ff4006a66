use crate::database::{Fault, connect_to_read};
use crate::sample::sample;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

fn note(connection: &Connection, name: &str) -> rusqlite::Result<usize> {
    connection.execute("INSERT INTO meta (name, value) VALUES (?1, '')", [name])
}

fn notes(connection: &Connection) -> i64 {
    connection
        .query_row(
            "SELECT count(*) FROM meta WHERE name <> 'served_at'",
            [],
            |row| row.get(0),
        )
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_gathered_is_committed_together() {
    let sample = sample();
    let database = sample.home.database.clone();
    let outside = Arc::new(Mutex::new(
        connect_to_read(&sample.home.folder().database()).unwrap(),
    ));
    let commits = Arc::new(Mutex::new(BTreeSet::new()));
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gatekeeper = tokio::spawn({
        let database = database.clone();
        async move {
            database
                .write(move |_connection| Ok(gate.recv().is_ok()), |_opened| ())
                .await
        }
    });
    let writers: Vec<_> = (0..1000)
        .map(|number| {
            let (database, outside, commits) =
                (database.clone(), Arc::clone(&outside), Arc::clone(&commits));
            tokio::spawn(async move {
                let work = move |connection: &Connection| {
                    // What others can see does not change within a transaction.
                    commits
                        .lock()
                        .unwrap()
                        .insert(notes(&outside.lock().unwrap()));
                    note(connection, &number.to_string())
                };
                database.write(work, |_rows| ()).await.unwrap()
            })
        })
        .collect();
    open.send(()).unwrap();
    assert!(gatekeeper.await.unwrap().unwrap());
    for writer in writers {
        assert_eq!(writer.await.unwrap(), 1);
    }
    assert_eq!(notes(&outside.lock().unwrap()), 1000);
    let commits = commits.lock().unwrap().len();
    assert!(commits <= 100, "1000 writes took {commits} commits");
}

#[tokio::test]
async fn an_answer_follows_the_commit() {
    let sample = sample();
    let path = sample.home.folder().database();
    let seen = Arc::new(Mutex::new(0));
    let after = {
        let seen = Arc::clone(&seen);
        move |_rows: &usize| *seen.lock().unwrap() = notes(&connect_to_read(&path).unwrap())
    };
    sample
        .home
        .database
        .write(|connection| note(connection, "a"), after)
        .await
        .unwrap();
    assert_eq!(*seen.lock().unwrap(), 1);
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
        database.write(|connection| note(connection, "good"), |_rows| ()),
        database.write(bad, |_rows| ())
    );
    assert_eq!(good.unwrap(), 1);
    assert!(matches!(bad, Err(Fault::Refused(_))));
    let names = |connection: &Connection| {
        connection.query_row(
            "SELECT group_concat(name) FROM meta WHERE name <> 'served_at'",
            [],
            |row| row.get::<_, String>(0),
        )
    };
    assert_eq!(database.read(names).await.unwrap(), "good");
}

#[tokio::test]
async fn work_that_was_asked_for_is_done_although_its_caller_has_gone() {
    let sample = sample();
    let database = sample.home.database.clone();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let mut asked = Box::pin(database.write(
        move |connection| {
            gate.recv().expect("the gate is opened");
            note(connection, "orphan")
        },
        |_rows| (),
    ));
    // Polled once, so that the work is queued; then its caller goes.
    assert!(futures_poll_once(asked.as_mut()).await.is_none());
    drop(asked);
    open.send(()).unwrap();
    database.write(|_connection| Ok(()), |()| ()).await.unwrap();
    assert_eq!(
        database
            .read(|connection| Ok(notes(connection)))
            .await
            .unwrap(),
        1
    );
}

async fn futures_poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
