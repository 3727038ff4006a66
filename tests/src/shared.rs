//! State that servers share with the test that looks at it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A value behind a lock; clones are the same value. A panic of whoever holds it does not take it from the others.
#[derive(Debug, Default)]
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    /// Waits for the value.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
