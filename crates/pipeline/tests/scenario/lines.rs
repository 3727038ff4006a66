//! The lines that are written for a person: which event each tells, and of which lead.

use super::prelude::*;
use leadwire_pipeline::observe::{Event, FieldValue, Scope, Sink, scope};
use leadwire_pipeline::testkit;
use std::sync::Mutex;

/// The lines of this thread, in their order.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

struct Line {
    event: &'static str,
    lead_id: Option<String>,
    error: Option<String>,
}

impl Lines {
    /// Listens until the guard is dropped.
    fn listen() -> (Self, Scope) {
        let lines = Self::default();
        (lines.clone(), scope(Arc::new(lines)))
    }

    /// How many tell this event of Alice.
    fn count(&self, event: &str) -> usize {
        let lines = self.0.lock().unwrap();
        let of_alice = lines
            .iter()
            .filter(|line| line.lead_id.as_deref() == Some("test-1"));
        of_alice.filter(|line| line.event == event).count()
    }
}

impl Sink for Lines {
    fn take(&self, event: &dyn Event) {
        testkit::count(event);
        let mut error = None;
        event.fields(&mut |name, value| {
            if let ("error", FieldValue::Text(text)) = (name, value) {
                error = Some(text.into());
            }
        });
        self.0.lock().unwrap().push(Line {
            event: event.facts().name,
            lead_id: event.subject().lead().map(str::to_owned),
            error,
        });
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_file_that_cannot_be_used_is_told_with_its_defect_by_every_receive() {
    for (file, defect) in [
        (
            r#"{"lead_id":"test-1","lead_owner":"a","lead_owner":"b"}"#,
            "an object has the same key twice",
        ),
        (r#"{"lead_id":"test-2"}"#, "names another lead"),
        ("[]", "not a JSON object"),
    ] {
        let (lines, _scope) = Lines::listen();
        let world = World::new();
        world.put_owner("test-1", file);
        world.post(ALICE).await;
        world.work_until_idle().await;
        assert_eq!(lines.count("owner_file_unusable"), 3, "{file}");
        let lines = lines.0.lock().unwrap();
        let told = lines
            .iter()
            .filter(|line| line.event == "owner_file_unusable");
        let told: Vec<_> = told.map(|line| line.error.as_deref()).collect();
        assert_eq!(told, [Some(defect); 3]);
    }
}

/// Which calls are meant.
type Which = fn(&Call) -> bool;

/// What goes wrong with the mail of a case.
#[derive(Clone, Copy)]
enum Mail {
    Fine,
    Busy,
    Doubtful,
}

/// A lead whose `nth` such call meets a fault: how many lines tell of a failed call.
async fn told(mail: Mail, nth: usize, fault: Fault, fails: Which) -> usize {
    let world = posted(match mail {
        Mail::Fine | Mail::Busy => World::new(),
        Mail::Doubtful => World::parking(),
    })
    .await;
    match mail {
        Mail::Fine => {}
        Mail::Busy => world.mailer().be_busy(1),
        Mail::Doubtful => world.mailer().lose_replies(1),
    }
    world.spoil_some(nth..nth + 1, fault, fails);
    let (lines, _guard) = Lines::listen();
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 1);
    lines.count("call_failed")
}

fn replaces_claim(call: &Call) -> bool {
    replaces("mail/")(call)
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_that_is_coped_with_has_its_line() {
    let claims = |call: &Call| creates("mail/")(call);
    let merges = |call: &Call| creates("enriched/")(call);
    let lost = Fault::ReplyLost;
    let cases: [(&str, Mail, usize, Fault, Which); 6] = [
        ("the document", Mail::Fine, 0, lost, merges),
        ("the claim", Mail::Fine, 0, lost, claims),
        ("the marker", Mail::Fine, 0, Fault::Fails, replaces_claim),
        ("the release", Mail::Busy, 0, Fault::Fails, replaces_claim),
        ("the doubt", Mail::Doubtful, 0, Fault::Fails, replaces_claim),
        ("parking", Mail::Doubtful, 0, lost, replaces_claim),
    ];
    for (case, mail, nth, fault, fails) in cases {
        let untroubled = told(mail, 1000, fault, fails).await;
        let lines = told(mail, nth, fault, fails).await;
        assert_eq!(lines, untroubled + 1, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_raw_object_whose_reply_was_lost_has_its_line_too() {
    let world = World::new();
    world.spoil_once(Fault::ReplyLost, creates("raw/"));
    let (lines, _guard) = Lines::listen();
    assert_eq!(world.post(ALICE).await.status, 202);
    assert_eq!(lines.count("call_failed"), 1);
}
