//! Objects in memory, with Amazon S3's semantics and faults on demand.

use super::lock;
use crate::port::{
    Bucket, Clock, Created, ETag, Eraser, Fetched, ListPage, Listed, Metadata, NewObject,
    ObjectStore, PortError, Replaced, StoredObject,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a late call takes: less than a webhook may.
const LATE: Duration = Duration::from_secs(3);

/// A call on the store, as a fault script sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A read.
    Get(Bucket, String),
    /// A conditional create.
    Create(Bucket, String),
    /// A conditional replace.
    Replace(Bucket, String),
    /// An unconditional write.
    Put(Bucket, String),
    /// A page of a listing.
    List(Bucket, String),
    /// A deletion of all versions.
    Erase(Bucket, String),
}

impl Call {
    /// Whether it touches a key that begins with `prefix`.
    pub fn is_on(&self, prefix: &str) -> bool {
        let (Self::Get(_, key)
        | Self::Create(_, key)
        | Self::Replace(_, key)
        | Self::Put(_, key)
        | Self::List(_, key)
        | Self::Erase(_, key)) = self;
        key.starts_with(prefix)
    }
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails and has no effect.
    Fails,
    /// It takes effect and its reply is lost.
    ReplyLost,
    /// It takes effect, its reply is lost, and the client's second try meets the first.
    MeetsItself,
    /// It answers 403.
    Denied,
    /// It answers 409 and has no effect.
    Conflict,
    /// It takes three seconds, and then effect.
    Late,
    /// It never answers.
    Hangs,
    /// The code that called it panics.
    Panics,
}

type Script = Box<dyn FnMut(&Call) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    objects: BTreeMap<(Bucket, String), StoredObject>,
    /// Earlier versions, the newest last; nothing where they are not kept.
    older: BTreeMap<(Bucket, String), Vec<StoredObject>>,
    keeps_versions: bool,
    versions: u64,
    calls: Vec<Call>,
    script: Option<Script>,
    page: Option<usize>,
}

/// Objects in memory.
pub struct FakeStore<C> {
    clock: Arc<C>,
    state: Mutex<State>,
}

impl<C> fmt::Debug for FakeStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeStore")
            .field("objects", &lock(&self.state).objects.len())
            .finish_non_exhaustive()
    }
}

impl<C: Clock> FakeStore<C> {
    /// An empty store.
    pub fn new(clock: Arc<C>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Asks `script` before every call what goes wrong with it.
    pub fn set_script(&self, script: impl FnMut(&Call) -> Option<Fault> + Send + 'static) {
        lock(&self.state).script = Some(Box::new(script));
    }

    /// Nothing goes wrong any more.
    pub fn clear_script(&self) {
        lock(&self.state).script = None;
    }

    /// Lists in pages of this many entries.
    pub fn set_page(&self, entries: usize) {
        lock(&self.state).page = Some(entries);
    }

    /// Keeps what is overwritten or removed from now on, as a bucket with versions does.
    pub fn keep_versions(&self) {
        lock(&self.state).keeps_versions = true;
    }

    /// How many versions of an object there are, unseen by scripts.
    pub fn versions(&self, bucket: Bucket, key: &str) -> usize {
        let (state, at) = (lock(&self.state), (bucket, key.to_owned()));
        let older = state.older.get(&at).map_or(0, Vec::len);
        older + usize::from(state.objects.contains_key(&at))
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.state).calls.clone()
    }

    /// An object as it lies there, unseen by scripts.
    pub fn peek(&self, bucket: Bucket, key: &str) -> Option<StoredObject> {
        lock(&self.state)
            .objects
            .get(&(bucket, key.to_owned()))
            .cloned()
    }

    /// The keys under a prefix, unseen by scripts.
    pub fn keys(&self, bucket: Bucket, prefix: &str) -> Vec<String> {
        let state = lock(&self.state);
        state
            .objects
            .keys()
            .filter(|(b, key)| *b == bucket && key.starts_with(prefix))
            .map(|(_, key)| key.clone())
            .collect()
    }

    /// Writes an object as another party would, unseen by scripts.
    pub fn plant(&self, bucket: Bucket, key: &str, object: NewObject) {
        self.write(&mut lock(&self.state), bucket, key, object);
    }

    /// Removes an object as an operator would, unseen by scripts.
    pub fn remove(&self, bucket: Bucket, key: &str) {
        let mut state = lock(&self.state);
        if let Some(removed) = state.objects.remove(&(bucket, key.to_owned())) {
            state.keep(bucket, key, removed);
        }
    }

    fn write(&self, state: &mut State, bucket: Bucket, key: &str, object: NewObject) -> ETag {
        state.versions += 1;
        let etag = ETag(format!("v{}", state.versions));
        let NewObject { bytes, metadata } = object;
        let stored = StoredObject {
            bytes,
            etag: etag.clone(),
            metadata,
            last_modified: self.clock.now(),
        };
        if let Some(replaced) = state.objects.insert((bucket, key.to_owned()), stored) {
            state.keep(bucket, key, replaced);
        }
        etag
    }

    /// Notes the call and asks the script; every call gives other tasks a turn, so that they interleave.
    async fn begin(&self, call: Call) -> Option<Fault> {
        tokio::task::yield_now().await;
        let fault = {
            let mut state = lock(&self.state);
            state.calls.push(call.clone());
            state.script.as_mut().and_then(|script| script(&call))
        };
        if fault == Some(Fault::Late) {
            tokio::time::sleep(LATE).await;
            return None;
        }
        if fault == Some(Fault::Hangs) {
            std::future::pending::<()>().await;
        }
        assert!(
            fault != Some(Fault::Panics),
            "a panic that a test asked for: {call:?}"
        );
        fault
    }
}

impl State {
    fn keep(&mut self, bucket: Bucket, key: &str, object: StoredObject) {
        if self.keeps_versions {
            let older = self.older.entry((bucket, key.to_owned())).or_default();
            older.push(object);
        }
    }
}

fn failure(action: &'static str) -> PortError {
    PortError::transient(action, "a fault that a test asked for")
}

impl<C: Clock> ObjectStore for FakeStore<C> {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        match self.begin(Call::Get(bucket, key.to_owned())).await {
            Some(Fault::Denied) => return Ok(Fetched::Denied),
            Some(_) => return Err(failure("get object")),
            None => {}
        }
        Ok(match self.peek(bucket, key) {
            Some(object) if object.bytes.len() > bytes_max => Fetched::TooLarge,
            Some(object) => Fetched::Found(object),
            None => Fetched::Missing,
        })
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let fault = self.begin(Call::Create(bucket, key.to_owned())).await;
        let mut state = lock(&self.state);
        match fault {
            None | Some(Fault::ReplyLost | Fault::MeetsItself) => {}
            Some(Fault::Conflict) => return Ok(Created::Exists),
            Some(_) => return Err(failure("create object")),
        }
        let created = if state.objects.contains_key(&(bucket, key.to_owned())) {
            Created::Exists
        } else {
            Created::New(self.write(&mut state, bucket, key, object))
        };
        match fault {
            None => Ok(created),
            Some(Fault::MeetsItself) => Ok(Created::Exists),
            Some(_) => Err(failure("create object")),
        }
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        let fault = self.begin(Call::Replace(bucket, key.to_owned())).await;
        let mut state = lock(&self.state);
        match fault {
            None | Some(Fault::ReplyLost | Fault::MeetsItself) => {}
            Some(Fault::Conflict) => return Ok(Replaced::Changed),
            Some(_) => return Err(failure("replace object")),
        }
        let is_current = state
            .objects
            .get(&(bucket, key.to_owned()))
            .is_some_and(|current| current.etag == *etag);
        let replaced = if is_current {
            Replaced::New(self.write(&mut state, bucket, key, object))
        } else {
            Replaced::Changed
        };
        match fault {
            None => Ok(replaced),
            Some(Fault::MeetsItself) => Ok(Replaced::Changed),
            Some(_) => Err(failure("replace object")),
        }
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        let fault = self.begin(Call::Put(bucket, key.to_owned())).await;
        if matches!(fault, None | Some(Fault::ReplyLost)) {
            self.write(&mut lock(&self.state), bucket, key, object);
        }
        if fault.is_some() {
            Err(failure("put object"))
        } else {
            Ok(())
        }
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        if self
            .begin(Call::List(bucket, prefix.to_owned()))
            .await
            .is_some()
        {
            return Err(failure("list objects"));
        }
        let state = lock(&self.state);
        let page = state.page.unwrap_or(1000);
        let mut entries: Vec<Listed> = state
            .objects
            .iter()
            .filter(|((b, key), _)| {
                *b == bucket
                    && key.starts_with(prefix)
                    && after.is_none_or(|after| key.as_str() > after)
            })
            .map(|((_, key), object)| Listed {
                key: key.clone(),
                size: u64::try_from(object.bytes.len()).unwrap_or(u64::MAX),
                last_modified: object.last_modified,
            })
            .take(page + 1)
            .collect();
        let more = entries.len() > page;
        entries.truncate(page);
        Ok(ListPage { entries, more })
    }
}

impl<C: Clock> Eraser for FakeStore<C> {
    async fn remains(&self, bucket: Bucket, prefix: &str) -> Result<Vec<String>, PortError> {
        if self
            .begin(Call::List(bucket, prefix.to_owned()))
            .await
            .is_some()
        {
            return Err(failure("list versions"));
        }
        let state = lock(&self.state);
        let keys = state.objects.keys().chain(state.older.keys());
        let keys: BTreeSet<&String> = keys
            .filter(|(b, key)| *b == bucket && key.starts_with(prefix))
            .map(|(_, key)| key)
            .collect();
        Ok(keys.into_iter().cloned().collect())
    }

    async fn get_remains(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> Result<Fetched, PortError> {
        let current = self.get(bucket, key, bytes_max).await?;
        let at = (bucket, key.to_owned());
        let state = lock(&self.state);
        let older = state.older.get(&at).and_then(|older| older.last());
        Ok(match (current, older) {
            (Fetched::Missing, Some(older)) => Fetched::Found(older.clone()),
            (current, _) => current,
        })
    }

    async fn erase(&self, bucket: Bucket, key: &str) -> Result<u64, PortError> {
        let fault = self.begin(Call::Erase(bucket, key.to_owned())).await;
        let mut erased = 0;
        if matches!(fault, None | Some(Fault::ReplyLost)) {
            let mut state = lock(&self.state);
            let at = (bucket, key.to_owned());
            erased += state.older.remove(&at).map_or(0, |older| older.len());
            erased += usize::from(state.objects.remove(&at).is_some());
        }
        if fault.is_some() {
            Err(failure("delete versions"))
        } else {
            Ok(u64::try_from(erased).unwrap_or(u64::MAX))
        }
    }
}

impl NewObject {
    /// An object with metadata, for tests.
    pub fn with_metadata(bytes: Vec<u8>, metadata: Metadata) -> Self {
        Self { bytes, metadata }
    }
}
