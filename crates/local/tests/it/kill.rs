//! A process that is killed in the middle of its writes has kept everything that it had answered 202 to.

use crate::child::{accept_until_killed, acks, content, folder, open, start};
use leadwire_pipeline::port::{Bucket, Fetched, ObjectStore};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// The test that is its own child.
const NAME: &str = "kill::nothing_that_was_answered_is_lost_when_the_process_is_killed";

fn acknowledged(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(acks(folder)).unwrap_or_default();
    // A line that the kill cut off was never answered.
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap());
    whole.lines().map(str::to_owned).collect()
}

/// Waits until the child has answered `count` events in all.
fn wait_for(folder: &Path, count: usize) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while acknowledged(folder).len() < count {
        assert!(Instant::now() < deadline, "the child accepts nothing");
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_lost_when_the_process_is_killed() {
    if let Some(folder) = folder() {
        return accept_until_killed(&folder).await;
    }
    let folder = tempfile::tempdir().unwrap();
    // Each round kills the process elsewhere in its work, over what the rounds before left behind.
    for more in [1, 50, 500] {
        let target = acknowledged(folder.path()).len() + more;
        let mut child = start(NAME, folder.path());
        wait_for(folder.path(), target);
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert!(ended.code().is_none(), "it was over before: {ended}");
        check(folder.path()).await;
    }
}

async fn check(folder: &Path) {
    let home = open(folder);
    assert_eq!(home.check().await.unwrap(), Vec::<String>::new());
    let waiting = home.queue().waiting(u32::MAX).await.unwrap();
    let triggers: BTreeSet<String> = waiting.into_iter().map(|message| message.body).collect();
    for name in acknowledged(folder) {
        let key = format!("raw/{name}.json");
        let stored = home.store().get(Bucket::Raw, &key, 100_000).await.unwrap();
        let Fetched::Found(stored) = stored else {
            panic!("{name} was answered and is lost")
        };
        assert_eq!(stored.bytes, content(&name), "{name}");
        let has_trigger = triggers.contains(&name);
        assert!(has_trigger, "{name} was answered and has no trigger");
    }
    // What was stored but never answered is whole too, or not there.
    home.views_written().await;
    for entry in std::fs::read_dir(home.folder().raw()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let view = std::fs::read(&path).unwrap();
        assert_eq!(view, content(&name), "a view is never half a view");
    }
}
