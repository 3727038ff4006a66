//! What a function and its environments share: what it is, and what it writes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::clients::{ACCOUNT, REGION};

/// What a function is.
#[derive(Clone, Debug)]
pub struct FunctionConfig {
    /// Its name.
    pub name: String,
    /// The binary that it runs.
    pub binary: PathBuf,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// After this time an invocation is killed.
    pub timeout: Duration,
    /// Most environments at once.
    pub concurrency: usize,
}

impl FunctionConfig {
    /// Its ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.name)
    }
}

/// What a function has written, line by line.
#[derive(Clone, Debug, Default)]
pub struct LogBook(Arc<Mutex<Vec<String>>>);

impl LogBook {
    fn guard(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, line: String) {
        self.guard().push(line);
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.guard().clone()
    }

    /// Every line that is a JSON object.
    pub fn objects(&self) -> Vec<Value> {
        let parse = |line: &String| serde_json::from_str(line).ok().filter(Value::is_object);
        self.guard().iter().filter_map(parse).collect()
    }
}
