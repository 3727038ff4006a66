//! The lines that are written for a person: which event each tells, and of which lead.

use super::{ALICE, OMAR};
use leadwire_pipeline::observe::{Event, Scope, Sink, scope};
use leadwire_pipeline::settings::AmbiguousPolicy;
use leadwire_pipeline::testkit::{Call, Fault, WorldBuilder, count};
use std::sync::{Arc, Mutex};

/// The lines of this thread, in their order.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

struct Line {
    event: &'static str,
    lead_id: Option<String>,
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
        count(event);
        self.0.lock().unwrap().push(Line {
            event: event.facts().name,
            lead_id: event.subject().lead().map(str::to_owned),
        });
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
    let mut builder = WorldBuilder::default();
    if matches!(mail, Mail::Doubtful) {
        builder.enrich.ambiguous = AmbiguousPolicy::Park;
    }
    let world = builder.build();
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    match mail {
        Mail::Fine => {}
        Mail::Busy => world.mailer().be_busy(1),
        Mail::Doubtful => world.mailer().lose_replies(1),
    }
    let mut seen = 0;
    world.store().set_script(move |call| {
        seen += usize::from(fails(call));
        (fails(call) && seen == nth).then_some(fault)
    });
    let (lines, _guard) = Lines::listen();
    world.work_until_idle().await;
    assert_eq!(world.mailer().sent().len(), 1);
    lines.count("call_failed")
}

fn replaces_claim(call: &Call) -> bool {
    call.is_on("mail/") && matches!(call, Call::Replace(..))
}

fn creates(prefix: &str, call: &Call) -> bool {
    call.is_on(prefix) && matches!(call, Call::Create(..))
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_that_is_coped_with_has_its_line() {
    let claims = |call: &Call| creates("mail/", call);
    let merges = |call: &Call| creates("enriched/", call);
    let lost = Fault::ReplyLost;
    let cases: [(&str, Mail, usize, Fault, Which); 6] = [
        ("the document", Mail::Fine, 1, lost, merges),
        ("the claim", Mail::Fine, 1, lost, claims),
        ("the marker", Mail::Fine, 1, Fault::Fails, replaces_claim),
        ("the release", Mail::Busy, 1, Fault::Fails, replaces_claim),
        ("the doubt", Mail::Doubtful, 1, Fault::Fails, replaces_claim),
        ("parking", Mail::Doubtful, 2, lost, replaces_claim),
    ];
    for (case, mail, nth, fault, fails) in cases {
        let untroubled = told(mail, usize::MAX, fault, fails).await;
        let lines = told(mail, nth, fault, fails).await;
        assert_eq!(lines, untroubled + 1, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_raw_object_whose_reply_was_lost_has_its_line_too() {
    let world = WorldBuilder::default().build();
    let mut done = false;
    world.store().set_script(move |call| {
        let is_first = creates("raw/", call) && !std::mem::replace(&mut done, true);
        is_first.then_some(Fault::ReplyLost)
    });
    let (lines, _guard) = Lines::listen();
    assert_eq!(world.post(ALICE).await.status, 202);
    assert_eq!(lines.count("call_failed"), 1);
}
