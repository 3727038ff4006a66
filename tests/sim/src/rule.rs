//! The promises of the contract, checked after every step.

use jiff::{SignedDuration, Timestamp};
use leadwire_domain::claim::Claim;
use leadwire_domain::json::Object;
use leadwire_domain::key::{ENRICHED, FAILED, MAIL, RAW, SWEPT};
use leadwire_domain::lead::change::diff;
use leadwire_domain::lead::document::parse_enriched;
use leadwire_domain::lead::id::Sha256Hex;
use leadwire_domain::message::Notify;
use leadwire_domain::notice::render_email;
use leadwire_pipeline::port::{Mail, StoredObject};
use std::collections::{BTreeMap, BTreeSet};

/// The delay between a webhook and its enrichment.
pub const DELAY_SECONDS: u32 = 600;

/// A promise that was broken, in words.
pub type Breach = String;

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its marker says that the mail went out.
    Mailed,
    /// Its doubtful mail waits for a person.
    Parked,
    /// It is a replay that mailed nobody.
    Silent,
    /// Its lead was forgotten.
    Forgotten,
}

/// The documents that a mail is held against.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// The one of the event, or of the replay.
    pub own: Option<StoredObject>,
    /// Those of earlier revisions, the newest first.
    pub earlier: Vec<StoredObject>,
}

impl Documents {
    /// Whether it says the same as an earlier one, and whether it says anything else than one, or there is none.
    fn is_old_and_new(&self) -> (bool, bool) {
        let object = |stored: &StoredObject| Object::parse(&stored.bytes).ok();
        let own = self.own.as_ref().and_then(object);
        let earlier = self.earlier.iter().filter_map(object);
        let differs = earlier.map(|earlier| {
            let own = own.as_ref();
            own.is_none_or(|own| !diff(&earlier, own).is_empty())
        });
        let differs: Vec<bool> = differs.collect();
        let is_new = differs.is_empty() || differs.contains(&true);
        (differs.contains(&false), is_new)
    }
}

/// The event that an object under a prefix belongs to.
pub(crate) fn event_of<'a>(prefix: &str, key: &'a str) -> Option<&'a str> {
    key.strip_prefix(prefix)?.strip_suffix(".json")
}

/// The event that an object belongs to.
pub fn name_in(key: &str) -> Option<&str> {
    let mut prefixes = [RAW, ENRICHED, MAIL, FAILED, SWEPT].into_iter();
    prefixes.find_map(|prefix| event_of(prefix, key))
}

/// The name behind a mail's tag.
pub(crate) fn name_of_tag(tag: &str) -> String {
    tag.replace("-r", ".r")
}

/// The event of a name, and the number of its replay.
pub(crate) fn split(name: &str) -> (&str, u32) {
    match name.split_once(".r") {
        Some((event, number)) => (event, number.parse().unwrap_or(0)),
        None => (name, 0),
    }
}

/// How a mail met its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The service took it and said so.
    Clean,
    /// The service took it, and whoever sent it does not know.
    ReplyLost,
    /// The service took it long after whoever sent it had given up, and whoever came then may have mailed.
    Late,
}

/// When something is written, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// The true time.
    pub now: Timestamp,
    /// By how much a clock of this world may differ from it.
    pub skew: SignedDuration,
    /// The process that writes.
    pub process: u32,
    /// The run of the machine that the process belongs to.
    pub boot: u32,
    /// The run that lives.
    pub lives: u32,
}

/// Who may send a mail.
#[derive(Clone, Debug)]
struct Holder {
    token: String,
    lease_until: Timestamp,
    boot: u32,
}

/// What is known of the events, told by nobody but the ports.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Whether doubtful mails are parked: then there is never a second one.
    parks: bool,
    /// The bodies that were posted under an identity.
    posted: BTreeMap<String, Vec<Vec<u8>>>,
    /// The event's name, by identity, from the first 202 on.
    names: BTreeMap<String, String>,
    /// The identity, by the event's name.
    pub(crate) identities: BTreeMap<String, String>,
    /// When an event was accepted, by its name: what its raw object says.
    accepted_at: BTreeMap<String, Timestamp>,
    ends: BTreeMap<String, End>,
    pub(crate) failed: BTreeSet<String>,
    mails: BTreeMap<String, u32>,
    doubts: BTreeMap<String, u32>,
    /// Mails that a process sent, knows of, and has not written down yet.
    unsettled: BTreeMap<u32, BTreeSet<String>>,
    holders: BTreeMap<String, Holder>,
    /// What each replay was asked to do, by its name.
    pub(crate) orders: BTreeMap<String, Notify>,
    /// Parked mails of which a person has said what became of them.
    pub(crate) resolved: BTreeSet<String>,
    /// Events that are forgotten: the operator was told that it is done.
    pub(crate) forgotten: BTreeSet<String>,
}

impl Ledger {
    /// Nothing is known yet. `parks` says what is done about doubtful mails.
    pub fn new(parks: bool) -> Self {
        Self {
            parks,
            ..Self::default()
        }
    }

    /// A body is posted under an identity, where it has one before it is accepted.
    pub fn post(&mut self, identity: &str, body: &[u8]) {
        let bodies = self.posted.entry(identity.to_owned()).or_default();
        bodies.push(body.to_vec());
    }

    /// The answer 202 (P1, P5): the bytes are there, under a name that is no other event's.
    pub fn accept(
        &mut self,
        identity: &str,
        name: &str,
        raw: Option<&StoredObject>,
    ) -> Result<(), Breach> {
        // A forgotten event that comes again is taken, and not stored.
        if self.end(name) != Some(End::Forgotten) {
            let raw = raw.ok_or_else(|| format!("P1: 202 for {name}, which is not stored"))?;
            let posted = self.posted.get(identity).cloned().unwrap_or_default();
            if !posted.contains(&raw.bytes) {
                return Err(format!("P1: {name} holds other bytes than {identity} sent"));
            }
        }
        if let Some(other) = self.names.get(identity).filter(|other| *other != name) {
            return Err(format!("P4: {identity} is {other} and {name}"));
        }
        if let Some(other) = self.identities.get(name).filter(|other| *other != identity) {
            return Err(format!("P5: {name} is of {other} and of {identity}"));
        }
        self.names.insert(identity.to_owned(), name.to_owned());
        self.identities.insert(name.to_owned(), identity.to_owned());
        Ok(())
    }

    /// The names of the events that were accepted.
    pub fn accepted(&self) -> impl Iterator<Item = &str> {
        self.identities.keys().map(String::as_str)
    }

    /// An object was written, whatever it is: `raw` and `documents` are those of its event.
    pub fn written(
        &mut self,
        (key, object): (&str, &StoredObject),
        raw: Option<&StoredObject>,
        documents: &Documents,
        writing: &Writing,
    ) -> Result<(), Breach> {
        if let Some(name) = event_of(RAW, key) {
            self.stored(name, object);
        } else if let Some(name) = event_of(ENRICHED, key) {
            let on_time = self.check_time(name, writing);
            return on_time.and(Self::enriched(name, object, raw));
        } else if let Some(name) = event_of(MAIL, key) {
            let state = object.metadata.get("state");
            let on_time = if state.is_some_and(|state| state == "forgotten") {
                Ok(())
            } else {
                self.check_time(name, writing)
            };
            let taken = self.taken(name, object, writing);
            let claimed = self.claimed(name, object, documents, writing.process);
            return on_time.and(taken).and(claimed);
        } else if let Some(name) = event_of(FAILED, key) {
            self.failed.insert(name.to_owned());
        }
        Ok(())
    }

    /// A raw object was created.
    fn stored(&mut self, name: &str, object: &StoredObject) {
        let accepted_at = object.metadata.get("accepted-at");
        if let Some(at) = accepted_at.and_then(|at| at.parse().ok()) {
            self.accepted_at.insert(name.to_owned(), at);
        }
    }

    /// An effect of enrichment (P2): never before its time, by the true clock, but for what clocks differ.
    pub fn check_time(&self, name: &str, writing: &Writing) -> Result<(), Breach> {
        let (now, delay) = (writing.now, i64::from(DELAY_SECONDS));
        let earliest = SignedDuration::from_secs(delay) - writing.skew;
        let accepted_at = self.accepted_at.get(name);
        match accepted_at.and_then(|at| at.checked_add(earliest).ok()) {
            Some(due) if now < due => Err(format!("P2: {name} has an effect at {now}, due {due}")),
            Some(_) | None => Ok(()),
        }
    }

    /// A document was created (P3, P5): it is its own raw object's.
    fn enriched(
        name: &str,
        document: &StoredObject,
        raw: Option<&StoredObject>,
    ) -> Result<(), Breach> {
        let raw = raw.ok_or_else(|| format!("P5: {name} has a document and no raw object"))?;
        let document =
            parse_enriched(&document.bytes).map_err(|error| format!("P3: {name}: {error}"))?;
        let lead = raw.metadata.get("lead-id").map(String::as_str);
        if lead != Some(document.lead_id.as_str())
            || document.provenance.raw_sha256 != Sha256Hex::of(&raw.bytes)
        {
            return Err(format!("P5: {name} holds the document of another event"));
        }
        Ok(())
    }

    /// A claim is another's (P4): only once the lease of the one before is over, or its whole machine is gone.
    fn taken(&mut self, name: &str, claim: &StoredObject, writing: &Writing) -> Result<(), Breach> {
        let claim = serde_json::from_slice(&claim.bytes).ok();
        let before = self.holders.get(name);
        // The latest that a clock of this world shows.
        let now = writing.now.checked_add(writing.skew);
        let now = now.unwrap_or(writing.now);
        let is_live =
            before.is_some_and(|holder| now < holder.lease_until && holder.boot == writing.lives);
        match claim {
            Some(Claim::Sending(claim)) => {
                let is_own = before.is_some_and(|holder| holder.token == claim.token);
                let holder = Holder {
                    token: claim.token,
                    lease_until: claim.lease_until,
                    boot: writing.boot,
                };
                self.holders.insert(name.to_owned(), holder);
                if is_live && !is_own {
                    return Err(format!("P4: {name} is taken from a worker that lives"));
                }
            }
            Some(Claim::Parked { .. }) if is_live => {
                return Err(format!("P4: {name} is parked while its worker lives"));
            }
            Some(Claim::Idle { .. } | Claim::Parked { .. }) | None => {
                self.holders.remove(name);
            }
        }
        Ok(())
    }

    /// What lies at `mail/X` was written by a process.
    fn claimed(
        &mut self,
        name: &str,
        claim: &StoredObject,
        documents: &Documents,
        process: u32,
    ) -> Result<(), Breach> {
        let before = self.end(name);
        if claim.bytes.is_empty() {
            return self.settled(name, claim, documents, process);
        }
        if !matches!(before, None | Some(End::Parked)) {
            return Err(format!("P4: {name} is claimed after its end"));
        }
        match serde_json::from_slice(&claim.bytes) {
            Ok(Claim::Parked { .. }) => {
                self.ends.insert(name.to_owned(), End::Parked);
                if self.failed.contains(name) {
                    Ok(())
                } else {
                    Err(format!("P1: {name} is parked and failed/ does not say why"))
                }
            }
            Ok(Claim::Idle { .. }) if self.resolved.remove(name) => {
                self.ends.remove(name);
                Ok(())
            }
            Ok(Claim::Sending(_) | Claim::Idle { .. }) if before.is_none() => Ok(()),
            Ok(Claim::Sending(_) | Claim::Idle { .. }) => {
                Err(format!("P4: {name} is parked and nobody resolved it"))
            }
            Err(error) => Err(format!("mail/ of {name}: {error}")),
        }
    }

    /// The marker of an end was written.
    fn settled(
        &mut self,
        name: &str,
        marker: &StoredObject,
        documents: &Documents,
        process: u32,
    ) -> Result<(), Breach> {
        if let Some(unsettled) = self.unsettled.get_mut(&process) {
            unsettled.remove(name);
        }
        let end = match marker.metadata.get("state").map(String::as_str) {
            Some("forgotten") => End::Forgotten,
            Some("silent") => End::Silent,
            _ => End::Mailed,
        };
        let before = self.ends.insert(name.to_owned(), end);
        if before == Some(End::Forgotten) && end != End::Forgotten {
            return Err(format!("forget: {name} has another end afterwards"));
        }
        let (is_old, _) = documents.is_old_and_new();
        match (end, self.orders.get(name)) {
            (End::Mailed, _) if self.mails(name) == 0 => {
                Err(format!("P4: {name} is settled and was never mailed"))
            }
            (End::Silent, None | Some(Notify::Force)) => {
                Err(format!("replay: {name} is silent and was to mail"))
            }
            (End::Silent, Some(Notify::IfChanged)) if !is_old => {
                Err(format!("replay: {name} is silent about a change"))
            }
            _ => Ok(()),
        }
    }

    /// A replay's message was sent. Whoever sends it again must say the same.
    pub fn ordered(&mut self, name: &str, notify: Notify) -> Result<(), Breach> {
        let before = self.orders.insert(name.to_owned(), notify);
        match before.filter(|before| *before != notify) {
            Some(before) => Err(format!("replay: {name} is {before:?} and {notify:?}")),
            None => Ok(()),
        }
    }

    /// Whether an event, or the one that a replay is of, has the mark of a forgotten one.
    pub fn is_marked(&self, name: &str) -> bool {
        self.end(split(name).0) == Some(End::Forgotten)
    }

    /// The mail service took a mail (P3, P4): it says what the stored document says, and there is none too many.
    pub fn mailed(
        &mut self,
        mail: &Mail,
        documents: &Documents,
        (delivery, process): (Delivery, u32),
    ) -> Result<(), Breach> {
        let name = &name_of_tag(&mail.event);
        if self.forgotten.contains(split(name).0) {
            return Err(format!("forget: {name} is mailed"));
        }
        let (_, is_new) = documents.is_old_and_new();
        match self.orders.get(name) {
            Some(Notify::Never) => return Err(format!("replay: {name} mails, and was not to")),
            Some(Notify::IfChanged) if !is_new => {
                return Err(format!("replay: {name} mails, and nothing changed"));
            }
            Some(Notify::IfChanged | Notify::Force) | None => {}
        }
        let document = documents.own.as_ref();
        let document = document.ok_or_else(|| format!("P3: {name} is mailed without document"))?;
        let lead =
            parse_enriched(&document.bytes).map_err(|error| format!("P3: {name}: {error}"))?;
        let text = render_email(&lead, lead.provenance.enriched_at, None);
        if text.subject != mail.text.subject {
            let (stored, said) = (&text.subject, &mail.text.subject);
            return Err(format!(
                "P3: {name} is stored as {stored:?}, mailed as {said:?}"
            ));
        }
        // Who was sending when the lead was forgotten is not called back.
        let is_over = !matches!(self.end(name), None | Some(End::Forgotten));
        if delivery != Delivery::Late && is_over {
            return Err(format!("P4: {name} is mailed after its end"));
        }
        *self.mails.entry(name.clone()).or_default() += 1;
        let mails = self.mails(name);
        let doubts = self.doubts.get(name).copied().unwrap_or(0);
        match delivery {
            Delivery::Clean => {
                let unsettled = self.unsettled.entry(process).or_default();
                unsettled.insert(name.clone());
            }
            // A doubt allows the next mail, never its own.
            Delivery::ReplyLost => self.doubt(name),
            // Its doubt began when it was sent.
            Delivery::Late => {}
        }
        let open = self.unsettled.values();
        let open = open.filter(|names| names.contains(name)).count();
        if mails > 1 + doubts || open > 1 {
            return Err(format!("P4: {name} has {mails} mails and {doubts} doubts"));
        }
        if self.parks && mails > 1 {
            return Err(format!(
                "P4: {name} has {mails} mails where doubts are parked"
            ));
        }
        Ok(())
    }

    /// A call of a process on `mail/X` went wrong, after it may have mailed.
    pub fn doubt_of(&mut self, process: u32, name: &str) {
        let unsettled = self.unsettled.get_mut(&process);
        if unsettled.is_some_and(|names| names.remove(name)) {
            self.doubt(name);
        }
    }

    /// A process died: whatever it mailed and did not write down is in doubt.
    pub fn bury(&mut self, process: u32) {
        for name in self.unsettled.remove(&process).into_iter().flatten() {
            self.doubt(&name);
        }
    }

    /// A mail is under way of which nobody will know.
    pub fn doubt(&mut self, name: &str) {
        *self.doubts.entry(name.to_owned()).or_default() += 1;
    }

    /// Mails of an event.
    pub fn mails(&self, name: &str) -> u32 {
        self.mails.get(name).copied().unwrap_or(0)
    }

    /// Whether an event ended, or a failure of it is written down.
    pub(crate) fn is_over(&self, name: &str) -> bool {
        self.ends.contains_key(name) || self.failed.contains(name)
    }

    /// How an event ended, if it did.
    pub fn end(&self, name: &str) -> Option<End> {
        self.ends.get(name).copied()
    }
}
