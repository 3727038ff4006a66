//! Everything that is in a world: objects, messages, mails, and what was done so far.

use crate::fault::{Kind, Schedule};
use crate::rule::{Breach, Documents, Ledger, event_of, is_tombstone, split};
use crate::setting::Setting;
use crate::webhook::Webhook;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::effect::EffectId;
use leadwire_domain::key::{ENRICHED, FAILED, RAW, SWEPT};
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::port::{Bucket, StoredObject};
use leadwire_pipeline::settings::AmbiguousPolicy;
use leadwire_pipeline::testkit::{Chance, Course, Fault, Memory};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// A world that does not come to rest within so many steps circles.
const STEPS_MAX: u64 = 200_000;
/// How late an effect is in a schedule: beyond every deadline of a stage, within a lease.
const LATE: Duration = Duration::from_secs(40);
/// The same of a reply, within the patience of one machine; and how late one may be that is drawn.
const LATE_REPLY: Duration = Duration::from_mins(5);
const LATE_REPLY_SECONDS_MAX: u64 = 900;
/// So many in a thousand late replies find their machine stopped or dead, where something may still go wrong.
const INTERRUPTED_PER_MILLE: u64 = 700;
/// Entries of a listing's page: few, so that pages matter.
const PAGE: usize = 3;

/// What decides what goes wrong.
#[derive(Debug)]
pub(crate) enum Plan {
    /// Chance.
    Drawn {
        /// Faults that may still happen.
        left: usize,
    },
    /// A script, by the number of the call.
    Written(Schedule),
}

/// The life of a process.
#[derive(Debug)]
pub(crate) struct Life {
    /// The process's number.
    pub(crate) id: u32,
    /// Which run of its machine it belongs to.
    pub(crate) boot: u32,
    /// Ends it: what the process was doing stops at its next wait, at the latest.
    pub(crate) death: Notify,
}

/// The state of a world.
#[derive(Debug)]
pub(crate) struct State {
    /// What the world is like.
    pub(crate) setting: Setting,
    /// Where everything that is left to chance comes from.
    pub(crate) chance: Chance,
    /// Objects, messages and mails.
    pub(crate) memory: Arc<Memory>,
    /// What is known of the events.
    pub(crate) ledger: Ledger,
    /// The requests of the CRMs, each as it is sent first.
    pub(crate) sent: Vec<Webhook>,
    /// Leads whose owner files an operator may have deleted.
    pub(crate) ownerless: BTreeSet<String>,
    /// Workers and posts that are under way.
    pub(crate) busy: usize,
    /// Their processes.
    pub(crate) alive: Vec<Arc<Life>>,
    /// Which run of the machine this is.
    pub(crate) boot: u32,
    /// While it stops: at which age of the world it waits for no reply any more.
    pub(crate) stops: Option<Duration>,
    /// Batches that are worked on.
    pub(crate) working: usize,
    /// Whether the configuration has changed.
    pub(crate) is_reconfigured: bool,
    /// Processes that met a fault, and those of them that one kept from writing a claim.
    pub(crate) troubled: BTreeSet<u32>,
    pub(crate) hindered: BTreeSet<u32>,
    /// Processes whose last look for an event's tombstone failed, with its key.
    pub(crate) blind: BTreeSet<(u32, String)>,
    /// Whether nothing goes wrong any more.
    pub(crate) heals: bool,
    /// How it goes so far.
    pub(crate) report: Report,
    plan: Plan,
    processes: u32,
    digest: DefaultHasher,
    tells: bool,
}

impl State {
    fn new(setting: Setting, chance: Chance, plan: Plan, tells: bool) -> Self {
        let parks = setting.ambiguous == AmbiguousPolicy::Park;
        let memory = Arc::<Memory>::default();
        memory.set_page(PAGE);
        let mut state = Self {
            setting,
            chance,
            memory,
            ledger: Ledger::new(parks),
            sent: Vec::new(),
            ownerless: BTreeSet::new(),
            busy: 0,
            alive: Vec::new(),
            boot: 0,
            stops: None,
            working: 0,
            is_reconfigured: false,
            troubled: BTreeSet::new(),
            hindered: BTreeSet::new(),
            blind: BTreeSet::new(),
            heals: false,
            report: Report::default(),
            plan,
            processes: 0,
            digest: DefaultHasher::new(),
            tells,
        };
        state.boot();
        state
    }

    /// A run begins: of the machine, where the world is one.
    fn boot(&mut self) {
        self.boot += 1;
        self.stops = None;
        if let Some(boot) = self.boot_name() {
            self.memory.log_mails(&boot);
            self.memory.accept_at_once();
            self.ledger.boot_began(&boot);
        }
    }

    /// The name of the machine's run, where the world is one.
    pub(crate) fn boot_name(&self) -> Option<String> {
        let is_machine = self.setting.one_machine;
        is_machine.then(|| format!("boot-{}", self.boot))
    }

    /// The true time.
    pub(crate) fn now(&self) -> Timestamp {
        self.memory.time()
    }

    /// The number and the clock of a new process.
    pub(crate) fn new_process(&mut self) -> (u32, SignedDuration) {
        self.processes += 1;
        let ahead = millis(self.chance.below(2 * self.setting.skew_millis + 1));
        (self.processes, ahead - self.skew())
    }

    /// By how much a clock may differ from the true time.
    pub(crate) fn skew(&self) -> SignedDuration {
        millis(self.setting.skew_millis)
    }

    /// What becomes of a call: what the world does to it, or else, where a mail is begun at all, the service of its receiver.
    pub(crate) fn course(&mut self, kind: Kind, effect: Option<&EffectId>) -> Course {
        let course = self.course_of_world(kind);
        let Some(effect) = effect.filter(|_| course.fault.is_none()) else {
            return course;
        };
        let per_mille = self.setting.unsent_per_mille;
        if !self.heals && per_mille > 0 && self.chance.happens(per_mille) {
            // Nothing is on its way.
            return Course {
                fault: Some(Fault::Unsent),
                ..Course::default()
            };
        }
        let service = self.setting.receivers.service(effect);
        let seconds = self.memory.age().as_secs();
        Course {
            fault: service.meets(seconds, self.heals, &mut self.chance),
            back: service.lateness().unwrap_or(course.back),
            ..course
        }
    }

    /// What comes before a reply that is so late, and when: whether the machine dies, or stops.
    pub(crate) fn interruption(&mut self, wait: Duration) -> Option<(Duration, bool)> {
        let Plan::Drawn { left: 1.. } = self.plan else {
            return None;
        };
        if self.heals || !self.chance.happens(INTERRUPTED_PER_MILLE) {
            return None;
        }
        if let Plan::Drawn { left } = &mut self.plan {
            *left -= 1;
        }
        self.report.faults += 1;
        let after = Duration::from_secs(self.chance.below(wait.as_secs()));
        Some((after, self.chance.happens(500)))
    }

    /// The addresses of the team as they are configured now, and whether owners are told.
    pub(crate) fn configured(&self) -> (Vec<EmailAddress>, bool) {
        self.setting.receivers.configured(self.is_reconfigured)
    }

    /// The configuration changes.
    pub(crate) fn reconfigure(&mut self) {
        self.tell("      operator changes who is told".to_owned());
        self.is_reconfigured = true;
        for gone in self.setting.receivers.gone() {
            self.ledger.receiver_gone(&gone);
        }
    }

    fn course_of_world(&mut self, kind: Kind) -> Course {
        let latency = self.setting.latency_millis;
        let (there, back) = (self.chance.millis(latency), self.chance.millis(latency));
        if self.heals {
            let fault = None;
            return Course { fault, there, back };
        }
        let fault = match &mut self.plan {
            Plan::Written(script) => script.get(&self.report.kinds.len()).copied(),
            Plan::Drawn { left } if *left > 0 => {
                let happens = self.chance.happens(self.setting.fault_per_mille);
                let faults = kind.faults();
                let drawn = faults.get(self.chance.place(faults.len())).copied();
                let drawn = drawn.filter(|_| happens);
                *left -= usize::from(drawn.is_some());
                drawn
            }
            Plan::Drawn { .. } => None,
        };
        self.report.kinds.push(kind);
        self.report.faults += u64::from(fault.is_some());
        let back = match (&self.plan, fault) {
            (Plan::Written(_), Some(Fault::TooLate)) => LATE,
            (Plan::Drawn { .. }, Some(Fault::TooLate)) => {
                Duration::from_secs(1 + self.chance.below(self.setting.late_seconds_max))
            }
            (Plan::Written(_), Some(Fault::LateReply)) => LATE_REPLY,
            (Plan::Drawn { .. }, Some(Fault::LateReply)) => {
                Duration::from_secs(1 + self.chance.below(LATE_REPLY_SECONDS_MAX))
            }
            _ => back,
        };
        Course { fault, there, back }
    }

    /// A process dies. Where that is the whole machine, everything in it does.
    pub(crate) fn die(&mut self, life: &Life) {
        life.death.notify_one();
        if !self.setting.one_machine || life.boot != self.boot {
            return;
        }
        self.end_boot();
    }

    /// The machine's run ends, with all that is left in it. The next one gives back what it held.
    pub(crate) fn end_boot(&mut self) {
        self.tell(format!("      boot-{} ends", self.boot));
        for dead in &self.alive {
            dead.death.notify_one();
            self.ledger.died(dead.id);
        }
        self.memory.release();
        self.boot();
    }

    /// Notes a step: it becomes part of what tells two runs apart, and of the story where one is told.
    pub(crate) fn step(&mut self, process: u32, (what, to): (&str, &str), fault: Option<Fault>) {
        self.report.steps += 1;
        if self.report.steps > STEPS_MAX {
            self.breach("P8: it circles".to_owned());
        }
        let nanos = self.memory.age().as_nanos();
        let fault = fault.map_or_else(String::new, |fault| format!("  ← {fault:?}"));
        (nanos, process, what, to, &fault).hash(&mut self.digest);
        self.report.digest = self.digest.finish();
        if self.tells {
            let now = self.now();
            let line = format!("{now}  {process:>3} {what} {to}{fault}");
            self.tell(line);
        }
    }

    /// Adds a line to the story.
    pub(crate) fn tell(&mut self, line: String) {
        if self.tells {
            self.report.story.push(line);
        }
    }

    /// A promise is broken. The first breach counts.
    pub(crate) fn breach(&mut self, breach: Breach) {
        self.tell(format!("BROKEN {breach}"));
        self.report.breach.get_or_insert(breach);
    }

    /// Whether a promise was broken.
    pub(crate) fn is_broken(&self) -> bool {
        self.report.breach.is_some()
    }

    /// What a check found.
    pub(crate) fn check(&mut self, result: Result<(), Breach>) {
        if let Err(breach) = result {
            self.breach(breach);
        }
    }

    /// The queue may be early with a message.
    pub(crate) fn delay_seconds(&mut self, asked: u32) -> u32 {
        let is_early = !self.heals && self.chance.happens(self.setting.early_per_mille);
        if is_early {
            let early = self.chance.below(u64::from(asked) + 1);
            return u32::try_from(early).unwrap_or(0);
        }
        asked
    }

    /// The conservation law for one event (P1): from its 202 on it is settled, failed or parked with a reason, a dead letter, or in flight.
    pub(crate) fn conserve(&mut self, name: &str) {
        let is_somewhere =
            self.ledger.is_over(name) || self.memory.is_live(name) || self.memory.is_dead(name);
        // An operator who empties the queue takes triggers away; the sweeper finds them.
        let is_ours =
            self.ledger.identities.contains_key(name) || self.ledger.orders.contains_key(name);
        let is_gone = self.is_forgotten(name) || self.setting.purge;
        if is_ours && !is_somewhere && !is_gone {
            self.breach(format!("P1: {name} is nowhere"));
        }
    }

    /// The same for all events.
    pub(crate) fn conserve_all(&mut self) {
        let names: Vec<String> = self.ledger.accepted().map(str::to_owned).collect();
        for name in names {
            self.conserve(&name);
        }
    }

    /// Whether an event, or the one that a replay is of, has the mark of a forgotten one.
    pub(crate) fn is_forgotten(&self, name: &str) -> bool {
        self.ledger.is_marked(name) || self.raw(name).is_some_and(|raw| is_tombstone(&raw))
    }

    /// A forgotten event leaves nothing behind, and nothing of it comes back.
    pub(crate) fn check_forgotten(&mut self, process: u32, name: &str, key: &str) {
        let (event, revision) = split(name);
        // A replay asks its event's tombstone; where forgetting leaves none, its bytes are missing. Who cannot ask says at least why it failed.
        let is_unasked = revision > 0 && self.raw(name).is_none();
        let asked = (process, format!("{RAW}{event}.json"));
        let is_excused = key.starts_with(FAILED) && (is_unasked || self.blind.contains(&asked));
        if self.ledger.forgotten.contains(event) && !is_excused {
            self.breach(format!("forget: {key} is there again"));
        }
    }

    /// An operator was told that an event is forgotten.
    pub(crate) fn forget(&mut self, event: &str) {
        self.ledger.forgotten.insert(event.to_owned());
        let prefixes = [
            (Bucket::Raw, RAW),
            (Bucket::Enriched, ENRICHED),
            (Bucket::Enriched, FAILED),
            (Bucket::Enriched, SWEPT),
        ];
        for (bucket, prefix) in prefixes {
            for key in self.memory.keys(bucket, &format!("{prefix}{event}.")) {
                let left = self.memory.peek(bucket, &key);
                if bucket == Bucket::Raw && left.is_some_and(|raw| is_tombstone(&raw)) {
                    continue;
                }
                self.breach(format!("forget: {key} is left"));
            }
        }
    }

    /// The names of the raw objects. A tombstone is none.
    pub(crate) fn raw_names(&self) -> Vec<String> {
        let keys = self.memory.keys(Bucket::Raw, RAW);
        let names = keys.iter().filter_map(|key| event_of(RAW, key));
        let is_stored = |name: &&str| self.raw(name).is_some_and(|raw| !is_tombstone(&raw));
        names.filter(is_stored).map(str::to_owned).collect()
    }

    /// The effects of an event: what its document names, or of the first edition what its claim does.
    pub(crate) fn listed(&self, name: &str) -> Vec<EffectId> {
        self.ledger.listed(name, self.documents(name).notify())
    }

    /// The raw object of an event, or of the event that a replay is of.
    pub(crate) fn raw(&self, name: &str) -> Option<StoredObject> {
        let (event, _) = split(name);
        self.memory.peek(Bucket::Raw, &format!("{RAW}{event}.json"))
    }

    /// The document of an event, or of a replay, and those of its earlier revisions, the newest first.
    pub(crate) fn documents(&self, name: &str) -> Documents {
        let (event, revision) = split(name);
        let read = |name: &str| {
            self.memory
                .peek(Bucket::Enriched, &format!("{ENRICHED}{name}.json"))
        };
        let earlier = (1..revision).rev();
        let earlier = earlier.map(|number| format!("{event}.r{number}"));
        let event = (revision > 0).then(|| event.to_owned());
        Documents {
            own: read(name),
            earlier: earlier
                .chain(event)
                .filter_map(|name| read(&name))
                .collect(),
        }
    }
}

fn millis(count: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(count).unwrap_or(0))
}

/// The id of a lead. They begin alike.
pub(crate) fn lead(number: usize) -> String {
    format!("lead{}", "_1".repeat(number))
}

/// How a world went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The first promise that was broken, in words.
    pub breach: Option<Breach>,
    /// What tells two runs apart: every step, its time and its fault.
    pub digest: u64,
    /// Steps.
    pub steps: u64,
    /// Faults that happened.
    pub faults: u64,
    /// The kinds of the calls before everything was healed, in order.
    pub kinds: Vec<Kind>,
    /// What happened, a line a step, where it was asked for.
    pub story: Vec<String>,
}

/// The state of a world, as everybody in it shares it.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<(Mutex<State>, Notify)>);

impl Shared {
    /// A new world; `tells` makes it remember its story.
    pub(crate) fn new(setting: Setting, chance: Chance, plan: Plan, tells: bool) -> Self {
        let state = State::new(setting, chance, plan, tells);
        Self(Arc::new((Mutex::new(state), Notify::new())))
    }

    /// Looks at the state, or changes it. Nobody waits in between.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells everybody who waits that something changed.
    pub(crate) fn changed(&self) {
        self.0.1.notify_waiters();
    }

    /// Waits until the state is as `look` wants it, or a promise is broken.
    pub(crate) async fn until<T>(
        &self,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        loop {
            let changed = self.0.1.notified();
            let (found, broken) = self.with(|state| (look(state), state.is_broken()));
            if found.is_some() || broken {
                return found;
            }
            changed.await;
        }
    }

    /// Waits for the next change.
    pub(crate) async fn change(&self) {
        self.0.1.notified().await;
    }

    /// How the world went.
    pub(crate) fn report(&self) -> Report {
        self.with(|state| state.report.clone())
    }
}
