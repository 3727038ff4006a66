//! A test that starts itself again, as a process that can be killed or traced: the test that finds itself to be that process does the work
//! that is watched. So every test here has something to do in both of its lives.

use leadwire_local::{LocalHome, Mode};
use leadwire_pipeline::port::{
    Bucket, Created, DelayQueue, NewObject, ObjectStore, OutgoingMessage,
};
use leadwire_pipeline::trace::TraceContext;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

/// The variable that tells a child its folder. Without it, a test is the parent.
const FOLDER: &str = "LEADWIRE_TEST_CHILD_FOLDER";

/// The file in which a child says what it would have answered 202 to, one line each.
pub(crate) fn acks(folder: &Path) -> PathBuf {
    folder.join("acks")
}

/// The folder that this process works on, where it is a child.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Starts the test `name` again as a process of its own, over `folder`.
pub(crate) fn start(name: &str, folder: &Path) -> Child {
    let binary = std::env::current_exe().unwrap();
    Command::new(binary)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// Opens the home that a child serves.
pub(crate) fn open(folder: &Path) -> LocalHome {
    LocalHome::open(&folder.join("data"), Mode::Serve).unwrap()
}

fn open_acks(folder: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(acks(folder))
        .unwrap()
}

/// Says a line, in one call to the kernel.
fn say(acks: &mut File, line: &str) {
    acks.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Waits for a line from the parent, and says whether one came.
fn may_go_on() -> bool {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap() > 0
}

/// What ingest does between a webhook and its 202: the event's bytes, then its trigger.
async fn accept(home: &LocalHome, name: &str) {
    let (key, object) = (format!("raw/{name}.json"), NewObject::of(content(name)));
    let created = home.store().create(Bucket::Raw, &key, object).await;
    assert!(matches!(created.unwrap(), Created::New(_)));
    let message = OutgoingMessage {
        body: name.to_owned(),
        delay_seconds: 600,
        trace: TraceContext::default(),
    };
    home.queue().send(message).await.unwrap();
}

/// The bytes of the event `name`, larger than a page of the database.
pub(crate) fn content(name: &str) -> Vec<u8> {
    format!(r#"{{"name":"{name}","filler":"{}"}}"#, name.repeat(600)).into_bytes()
}

/// A child that accepts events until it is killed.
pub(crate) async fn accept_until_killed(folder: &Path) {
    let home = open(folder);
    let acks = Arc::new(Mutex::new(open_acks(folder)));
    let round = std::process::id();
    let mut clients = JoinSet::new();
    for client in 0..16 {
        let (home, acks) = (home.clone(), Arc::clone(&acks));
        clients.spawn(async move {
            for number in 0.. {
                let name = format!("r{round}c{client}n{number}");
                accept(&home, &name).await;
                say(&mut acks.lock().unwrap(), &name);
            }
        });
    }
    clients.join_all().await;
}

/// A child that accepts three events one by one, when it may.
pub(crate) async fn accept_three(folder: &Path) {
    let home = open(folder);
    let mut acks = open_acks(folder);
    say(&mut acks, "ready");
    assert!(may_go_on());
    for name in ["one", "two", "three"] {
        accept(&home, name).await;
        say(&mut acks, name);
    }
}

/// What the home must never be: a child that commits, and answers before anything is synced.
pub(crate) fn be_careless(folder: &Path) {
    std::fs::create_dir(folder.join("data")).unwrap();
    let database = rusqlite::Connection::open(folder.join("data/leadwire.db")).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    let normal = database.pragma_update(None, "synchronous", "NORMAL");
    normal.unwrap();
    database.execute_batch("CREATE TABLE t (name)").unwrap();
    let mut acks = open_acks(folder);
    say(&mut acks, "ready");
    assert!(may_go_on());
    for name in ["one", "two", "three"] {
        let inserted = database.execute("INSERT INTO t VALUES (?1)", [name]);
        assert_eq!(inserted.unwrap(), 1);
        say(&mut acks, name);
    }
}
