//! Where events go: to the sinks of the process, or to that of a test.

use super::event::Event;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

/// Takes events. It is called where they happen, so it must neither wait nor fail.
pub trait Sink: Send + Sync {
    /// Takes one.
    fn take(&self, event: &dyn Event);
}

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn take(&self, event: &dyn Event) {
        (**self).take(event);
    }
}

/// What a sink is to the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It writes lines.
    Log,
    /// It gathers metrics, where lines do not carry them.
    Meter,
}

static LOG: OnceLock<Box<dyn Sink>> = OnceLock::new();
static METER: OnceLock<Box<dyn Sink>> = OnceLock::new();

thread_local! {
    static SCOPED: RefCell<Option<Arc<dyn Sink>>> = const { RefCell::new(None) };
}

/// Gives the process a sink. False where it has one of this role: the first one stays.
pub fn install(role: Role, sink: impl Sink + 'static) -> bool {
    let place = match role {
        Role::Log => &LOG,
        Role::Meter => &METER,
    };
    place.set(Box::new(sink)).is_ok()
}

/// Events of this thread go to this sink alone, until the guard is dropped: tests that run beside each other get their own.
#[must_use = "it ends when the guard is dropped"]
pub fn scope(sink: Arc<dyn Sink>) -> Scope {
    Scope {
        before: SCOPED.replace(Some(sink)),
        of_this_thread: PhantomData,
    }
}

/// Ends [`scope`].
#[expect(missing_debug_implementations, reason = "a sink has none")]
pub struct Scope {
    before: Option<Arc<dyn Sink>>,
    of_this_thread: PhantomData<*const ()>,
}

impl Drop for Scope {
    fn drop(&mut self) {
        SCOPED.set(self.before.take());
    }
}

/// Gives an event to its sinks.
pub(super) fn emit(event: &dyn Event) {
    // A thread that ends has no scope any more.
    let scoped = SCOPED.try_with(|sink| sink.borrow().clone()).ok().flatten();
    if let Some(sink) = scoped {
        return sink.take(event);
    }
    for sink in [LOG.get(), METER.get()].into_iter().flatten() {
        sink.take(event);
    }
}
