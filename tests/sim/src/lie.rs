//! The ports of a process that makes a mistake: they lie about one thing.

mod mail;
mod put_off;

use crate::DELAY_SECONDS;
use crate::mistake::Mistake;
use crate::old;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::claim::{Claim, Says, Settled};
use leadwire_domain::effect::{Effect, EffectState, Effects};
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::key::{DEDUPE, ENRICHED, EventName, FAILED, MAIL, RAW};
use leadwire_domain::message::{Notify, Trigger};
use leadwire_domain::wait::WaitKind;
use leadwire_pipeline::port::{
    Acceptance, Accepted, Bucket, Clock, Created, DelayQueue, ETag, Entropy, Eraser, Fetched, Home,
    ListPage, Metadata, NewObject, ObjectStore, ObjectVersions, OutgoingMessage, PortError,
    Replaced, StoredObject,
};
use leadwire_pipeline::stage::enrich::Record;
use put_off::PutOff;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The label of a raw object that says which event it is.
const EVENT_ID: &str = "event-id";

/// A home that lies to one process about one thing, or not at all.
#[derive(Debug)]
pub(crate) struct Lying<H> {
    honest: H,
    mistake: Option<Mistake>,
    /// The labels of the raw object that could not be created last.
    wanted: Mutex<Metadata>,
    /// The events whose wake-ups are taken for their own messages.
    woken: Mutex<BTreeSet<EventName>>,
    /// The tombstone that is put off.
    put_off: Mutex<Option<PutOff>>,
}

impl<H: Home> Lying<H> {
    /// A home over an honest one.
    pub(crate) fn new(honest: H, mistake: Option<Mistake>) -> Self {
        Self {
            honest,
            mistake,
            wanted: Mutex::default(),
            woken: Mutex::default(),
            put_off: Mutex::default(),
        }
    }

    /// What `enrich` reads in its messages.
    pub(crate) fn misread_messages(&self, records: &mut [Record]) {
        for record in records {
            let Ok(mut trigger) = Trigger::parse(&record.body) else {
                continue;
            };
            match (self.mistake, &mut trigger.facts) {
                (Some(Mistake::MailAnyway), Some(facts)) => facts.notify = Notify::Force,
                (Some(Mistake::OnceWaits), _) if trigger.once => {
                    trigger.once = false;
                    self.woken().insert(trigger.name.clone());
                }
                _ => continue,
            }
            record.body = trigger.body();
        }
    }

    fn woken(&self) -> MutexGuard<'_, BTreeSet<EventName>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The copy of a wake-up that waits, where it is one.
    fn waiting_wake_up(&self, body: &str) -> Option<String> {
        let mut trigger = Trigger::parse(body).ok()?;
        let waits = trigger.waiting.kind == WaitKind::Owner;
        trigger.once = waits && self.woken().contains(&trigger.name);
        Some(trigger.body())
    }

    fn wanted(&self) -> MutexGuard<'_, Metadata> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same event as the one that was to be stored, if one asks its labels.
    fn relabel(&self, object: &mut StoredObject) {
        for label in [EVENT_ID, "source"] {
            if let Some(value) = self.wanted().get(label) {
                object.metadata.insert(label.to_owned(), value.clone());
            }
        }
    }

    /// What is said of a claim that is there.
    fn misread(&self, object: &mut StoredObject) {
        if self.mistake == Some(Mistake::BlindConflict) {
            object.bytes.clear();
        }
        let Ok(claim) = serde_json::from_slice::<Claim>(&object.bytes) else {
            return;
        };
        let misread = match self.mistake {
            Some(Mistake::IgnoreLease) => Claim {
                lease_until: Timestamp::UNIX_EPOCH,
                ..claim
            },
            Some(Mistake::NoTakeover) if claim.is_sending() && claim.lease_until <= self.now() => {
                let parked = Effect {
                    state: EffectState::Parked,
                    at: Some(claim.lease_until),
                    ..Effect::first()
                };
                Claim {
                    says: Says::Old(parked),
                    ..claim
                }
            }
            Some(Mistake::ThirdSend) => altered(claim, |effect| effect.doubts = 0),
            _ => return,
        };
        object.bytes = bytes_of(&misread);
    }

    /// What is stored in place of a claim.
    fn miswrite(&self, object: NewObject) -> NewObject {
        let Ok(claim) = serde_json::from_slice::<Claim>(&object.bytes) else {
            return object;
        };
        let says = match &claim.says {
            Says::Named(effects) => effects.clone(),
            Says::First | Says::Old(_) => return object,
        };
        let any = |state| says.values().any(|effect| effect.state == state);
        let written = match self.mistake {
            Some(Mistake::ReleaseDoubt) => altered(claim, |effect| {
                if matches!(effect.state, EffectState::Doubt | EffectState::Parked) {
                    effect.state = EffectState::Idle;
                    effect.doubts = 0;
                }
            }),
            Some(Mistake::SettleOverOthers) if !any(EffectState::Sending) => {
                altered(claim, |effect| {
                    if effect.state == EffectState::Sent {
                        effect.state = EffectState::Idle;
                    }
                })
            }
            Some(Mistake::RefusalEndsOthers) if any(EffectState::Refused) => {
                altered(claim, |effect| {
                    if effect.state.is_open() {
                        effect.state = EffectState::Refused;
                    }
                })
            }
            Some(Mistake::NobodyIsSettled) if are_all_dropped(&says) => return marker(&says),
            _ => return object,
        };
        NewObject::of(bytes_of(&written))
    }
}

/// The claim with each of its effects changed.
fn altered(claim: Claim, change: impl Fn(&mut Effect)) -> Claim {
    let says = match claim.says {
        Says::Named(mut effects) => {
            effects.values_mut().for_each(change);
            Says::Named(effects)
        }
        says @ (Says::First | Says::Old(_)) => says,
    };
    Claim { says, ..claim }
}

fn are_all_dropped(effects: &Effects) -> bool {
    let mut states = effects.values().map(|effect| effect.state);
    !effects.is_empty() && states.all(|state| state == EffectState::Dropped)
}

fn marker(effects: &Effects) -> NewObject {
    NewObject {
        bytes: Vec::new(),
        metadata: Metadata::from([
            ("state".to_owned(), Settled::Sent.as_str().to_owned()),
            ("told".to_owned(), "d".repeat(effects.len())),
        ]),
    }
}

/// Whether a claim is given back by who has sent nothing.
fn is_given_back(object: &NewObject) -> bool {
    let claim = serde_json::from_slice(&object.bytes);
    claim.is_ok_and(|claim: Claim| match claim.says {
        Says::Named(effects) => effects
            .values()
            .all(|effect| effect.state == EffectState::Idle && effect.attempt == 0),
        Says::First | Says::Old(_) => false,
    })
}

/// The document without the effects that it names.
fn without_effects(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut document: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let ours = document.get_mut("_leadwire")?.as_object_mut()?;
    ours.remove("notify");
    serde_json::to_vec(&document).ok()
}

/// A claim as it is stored; the real code has written version 1 no more since the first edition.
fn bytes_of(claim: &Claim) -> Vec<u8> {
    if let Says::Old(effect) = &claim.says {
        return old::claim_of(claim, effect).to_string().into_bytes();
    }
    serde_json::to_vec(claim).expect("plain fields always serialise")
}

/// The id of the request that an event's id is made of, where it is.
fn request_id(event_id: &str) -> &str {
    event_id.split_once('.').map_or(event_id, |(id, _index)| id)
}

fn with_request_id(mut object: NewObject) -> NewObject {
    if let Some(id) = object.metadata.get_mut(EVENT_ID) {
        *id = request_id(id).to_owned();
    }
    object
}

/// Whether it is written over a raw object that is forgotten.
fn is_tombstone(key: &str, object: &NewObject) -> bool {
    key.starts_with(RAW) && object.bytes.is_empty()
}

/// The version of what was never stored.
fn nothing() -> ETag {
    ETag(String::new())
}

/// Whether a failure is what became of its record, not why its mail is parked.
fn is_final(failure: &NewObject) -> bool {
    let failure = serde_json::from_slice(&failure.bytes);
    failure.is_ok_and(|failure: FailureRecord| failure.reason != FailureReason::MailAmbiguous)
}

impl<H: Home> ObjectStore for Lying<H> {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let mut fetched = self.honest.store().get(bucket, key, bytes_max).await;
        if let Ok(Fetched::Found(object)) = &mut fetched {
            if self.mistake == Some(Mistake::ShareSlot) && key.starts_with(RAW) {
                self.relabel(object);
            }
            if self.mistake == Some(Mistake::RequestIdForAll) && key.starts_with(RAW) {
                let wanted = self.wanted().get(EVENT_ID).cloned();
                if wanted.as_deref().map(request_id)
                    == object.metadata.get(EVENT_ID).map(|id| &**id)
                {
                    self.relabel(object);
                }
            }
            let is_marker = key.starts_with(MAIL) && object.bytes.is_empty();
            if self.mistake == Some(Mistake::OptimistDecides) && is_marker {
                return Ok(Fetched::Missing);
            }
            if self.mistake == Some(Mistake::EffectsOfTheDay) && key.starts_with(ENRICHED) {
                object.bytes = without_effects(&object.bytes).unwrap_or_default();
            }
            if key.starts_with(MAIL) {
                self.misread(object);
            }
            if self.mistake == Some(Mistake::MarkBeforeTombstone) && key.starts_with(RAW) {
                self.misread_raw(bucket, key, object).await;
            }
        }
        fetched
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let store = self.honest.store();
        match self.mistake {
            Some(Mistake::OverwriteRaw) if key.starts_with(RAW) => {
                let put = store.put(bucket, key, object).await;
                put.map(|()| Created::New(nothing()))
            }
            Some(Mistake::ShareSlot) if key.starts_with(RAW) => {
                *self.wanted() = object.metadata.clone();
                store.create(bucket, key, object).await
            }
            Some(Mistake::RequestIdForAll) if key.starts_with(RAW) => {
                *self.wanted() = object.metadata.clone();
                store.create(bucket, key, with_request_id(object)).await
            }
            Some(Mistake::IdentitySkipped) if key.starts_with(DEDUPE) => {
                Ok(Created::New(nothing()))
            }
            Some(Mistake::MailOwnMerge) if key.starts_with(ENRICHED) => {
                drop(store.create(bucket, key, object).await);
                Ok(Created::New(nothing()))
            }
            Some(Mistake::NoClaim | Mistake::MarkerAfterSend) if key.starts_with(MAIL) => {
                Ok(Created::New(nothing()))
            }
            Some(Mistake::MarkBeforeTombstone) if is_tombstone(key, &object) => {
                self.put_off(bucket, key, None, object);
                Ok(Created::New(nothing()))
            }
            Some(Mistake::MarkBeforeTombstone) => {
                let created = store.create(bucket, key, object).await?;
                self.write_put_off().await.map(|()| created)
            }
            _ => store.create(bucket, key, object).await,
        }
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        let store = self.honest.store();
        match self.mistake {
            Some(Mistake::MarkerAfterSend) if object.bytes.is_empty() => {
                let put = store.put(bucket, key, object).await;
                put.map(|()| Replaced::New(nothing()))
            }
            Some(Mistake::GiveUpSilently) if key.starts_with(MAIL) && is_given_back(&object) => {
                Ok(Replaced::New(nothing()))
            }
            Some(Mistake::MarkBeforeTombstone) if is_tombstone(key, &object) => {
                self.put_off(bucket, key, Some(etag.clone()), object);
                Ok(Replaced::New(nothing()))
            }
            Some(Mistake::MarkBeforeTombstone) => {
                let replaced = store.replace(bucket, key, etag, object).await?;
                self.write_put_off().await.map(|()| replaced)
            }
            _ if key.starts_with(MAIL) => {
                let object = self.miswrite(object);
                store.replace(bucket, key, etag, object).await
            }
            _ => store.replace(bucket, key, etag, object).await,
        }
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        let store = self.honest.store();
        match self.mistake {
            Some(Mistake::SilentFailure) if key.starts_with(FAILED) && is_final(&object) => Ok(()),
            Some(Mistake::ParkInSilence) if key.starts_with(FAILED) => {
                drop(store.put(bucket, key, object).await);
                Ok(())
            }
            _ => store.put(bucket, key, object).await,
        }
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        // Where the mark was there before, nothing is written any more.
        self.write_put_off().await?;
        self.honest.store().list(bucket, prefix, after).await
    }

    /// A mistake is one of the steps.
    fn accepts(&self) -> bool {
        self.mistake.is_none() && self.honest.store().accepts()
    }

    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, PortError> {
        self.honest.store().accept(acceptance).await
    }
}

impl<H: Home> Eraser for Lying<H>
where
    H::Store: Eraser,
{
    async fn list_versions(
        &self,
        bucket: Bucket,
        prefix: &str,
    ) -> Result<Vec<ObjectVersions>, PortError> {
        self.honest.store().list_versions(bucket, prefix).await
    }

    async fn get_any_version(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> Result<Fetched, PortError> {
        let store = self.honest.store();
        store.get_any_version(bucket, key, bytes_max).await
    }

    async fn erase(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        self.honest.store().erase(bucket, key).await
    }

    async fn erase_hidden(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        let store = self.honest.store();
        if self.mistake == Some(Mistake::TombstoneGoesToo) {
            return store.erase(bucket, key).await;
        }
        store.erase_hidden(bucket, key).await
    }
}

impl<H: Home> DelayQueue for Lying<H> {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        let queue = self.honest.queue();
        match self.mistake {
            Some(Mistake::AnswerBeforeQueue | Mistake::LoseCopy) => {
                drop(queue.send(message).await);
                Ok(())
            }
            Some(Mistake::OnceWaits) => {
                let body = self.waiting_wake_up(&message.body);
                let body = body.unwrap_or_else(|| message.body.clone());
                queue.send(OutgoingMessage { body, ..message }).await
            }
            Some(Mistake::SweepInVain) => Ok(()),
            _ => queue.send(message).await,
        }
    }

    async fn send_all(&self, messages: Vec<OutgoingMessage>) -> Result<(), PortError> {
        let taken = if self.mistake == Some(Mistake::AnswerAtFirst) {
            1
        } else {
            messages.len()
        };
        let mut sent = Ok(());
        for message in messages.into_iter().take(taken) {
            sent = sent.and(DelayQueue::send(self, message).await);
        }
        sent
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let queue = self.honest.queue();
        queue.set_visibility(receipt_handle, seconds).await
    }
}

impl<H: Home> Clock for Lying<H> {
    fn now(&self) -> Timestamp {
        let now = self.honest.clock().now();
        if !matches!(self.mistake, Some(Mistake::Hurry | Mistake::WakeEarly)) {
            return now;
        }
        let ahead = SignedDuration::from_secs(i64::from(DELAY_SECONDS));
        now.checked_add(ahead).unwrap_or(now)
    }
}

impl<H: Home> Entropy for Lying<H> {
    fn bits(&self) -> [u8; 16] {
        self.honest.entropy().bits()
    }
}
