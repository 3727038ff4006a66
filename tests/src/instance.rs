//! One execution environment of Lambda: one process of a binary, behind a Runtime API of its own.

use std::collections::BTreeMap;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock;
use crate::http::{self, Answer, Request, Server};
use crate::runtime::{FunctionConfig, LogBook};

/// What became of an invocation, as Lambda sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The function answered with this payload.
    Response(Bytes),
    /// The function, or its start, reported an error.
    Error(Value),
    /// The function ran out of time and was killed.
    TimedOut,
    /// The process ended without an answer.
    Exited(Option<ExitStatus>),
}

/// When an invocation passed which point, by the platform's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// X-Ray's header that the platform gave with the event.
    pub trace: String,
    /// The event was handed to the process.
    pub handed: Option<Timestamp>,
    /// The process posted its answer, or its error.
    pub answered: Option<Timestamp>,
    /// The process asked for the next event.
    pub idle: Option<Timestamp>,
}

/// An event on its way into the process.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request_id: String,
    pub(crate) event: Bytes,
    pub(crate) deadline_ms: i64,
    pub(crate) trace: String,
}

/// How many of the parties that Lambda waits for (the runtime, extensions) have come back for more.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    extensions: usize,
    parties: usize,
}

/// The desk at which the process calls.
#[derive(Debug)]
struct Desk {
    arn: String,
    jobs: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    pending: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    waiting: watch::Sender<Waiting>,
    invoked: watch::Sender<Option<(String, i64)>>,
    init_error: Mutex<Option<Value>>,
    timing: Mutex<Timing>,
}

/// A running process.
#[derive(Debug)]
pub struct Instance {
    desk: Arc<Desk>,
    jobs: mpsc::Sender<Job>,
    child: Child,
    pid: u32,
    _server: Server,
}

impl Instance {
    /// Starts a process of `config.binary` with nothing in its environment but what Lambda gives it.
    ///
    /// # Errors
    /// The binary cannot be started.
    pub async fn start(config: &FunctionConfig, log: &LogBook) -> Result<Self> {
        let (jobs, receiver) = mpsc::channel(1);
        let desk = Arc::new(Desk {
            arn: config.arn(),
            jobs: tokio::sync::Mutex::new(receiver),
            pending: Mutex::new(None),
            waiting: watch::Sender::default(),
            invoked: watch::Sender::default(),
            init_error: Mutex::new(None),
            timing: Mutex::default(),
        });
        let server = {
            let desk = Arc::clone(&desk);
            Server::start(move |request| serve(Arc::clone(&desk), request)).await?
        };
        let mut child = Command::new(&config.binary)
            .env_clear()
            .envs(platform_environment(config, &server.authority()))
            .envs(&config.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} does not start", config.binary.display()))?;
        keep_lines(child.stdout.take(), log);
        keep_lines(child.stderr.take(), log);
        let pid = child
            .id()
            .context("a process that just started has an id")?;
        Ok(Self {
            desk,
            jobs,
            child,
            pid,
            _server: server,
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When its last invocation passed which point.
    pub(crate) fn timing(&self) -> Timing {
        lock(&self.desk.timing).clone()
    }

    /// Waits for the end of a process that was told to end.
    pub(crate) async fn ended(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let ended = tokio::time::timeout(deadline, self.child.wait()).await;
        Ok(ended.context("the process does not end")??)
    }

    /// Runs one event to its outcome. After anything but a response or an error the process is dead.
    ///
    /// # Errors
    /// The harness itself failed.
    pub(crate) async fn run(&mut self, job: Job, timeout: Duration) -> Result<Outcome> {
        let (sender, receiver) = oneshot::channel();
        *lock(&self.desk.pending) = Some((job.request_id.clone(), sender));
        let invoked = Some((job.request_id.clone(), job.deadline_ms));
        self.jobs.send(job).await?;
        self.desk.invoked.send_replace(invoked);
        let outcome = tokio::select! {
            biased;
            outcome = receiver => outcome?,
            status = self.child.wait() => match lock(&self.desk.init_error).take() {
                Some(error) => Outcome::Error(error),
                None => Outcome::Exited(status.ok()),
            },
            () = tokio::time::sleep(timeout) => {
                self.child.kill().await?;
                Outcome::TimedOut
            }
        };
        Ok(outcome)
    }

    /// Waits until the runtime and every extension asks for the next event, as Lambda does before it calls the
    /// environment idle; false where the process ended or `deadline` passed instead.
    pub(crate) async fn settle(&mut self, deadline: Duration) -> bool {
        let mut waiting = self.desk.waiting.subscribe();
        let settled = waiting.wait_for(|now| now.parties > now.extensions);
        tokio::select! {
            settled = settled => settled.is_ok(),
            _ = self.child.wait() => false,
            () = tokio::time::sleep(deadline) => false,
        }
    }
}

fn platform_environment(config: &FunctionConfig, api: &str) -> BTreeMap<String, String> {
    let region = crate::clients::REGION;
    [
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_FUNCTION_NAME", &config.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            &format!("/aws/lambda/{}", config.name),
        ),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "harness"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_SESSION_TOKEN", "test"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("TZ", ":UTC"),
        ("PATH", "/usr/bin:/bin"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

fn keep_lines(output: Option<impl AsyncRead + Unpin + Send + 'static>, log: &LogBook) {
    let Some(output) = output else { return };
    let log = log.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            log.add(line);
        }
    });
}

async fn serve(desk: Arc<Desk>, request: Request) -> Answer {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let answer = match (request.method(), parts.as_slice()) {
        (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => next(&desk).await,
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
            finish(&desk, id, Outcome::Response(request.into_body()))
        }
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
            finish(&desk, id, Outcome::Error(report(request.body())))
        }
        (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => {
            *lock(&desk.init_error) = Some(report(request.body()));
            Ok(accepted())
        }
        (&Method::POST, ["2020-01-01", "extension", "register"]) => register(&desk),
        (&Method::GET, ["2020-01-01", "extension", "event", "next"]) => extension_next(&desk).await,
        (_, _) => Ok(http::text(
            StatusCode::NOT_FOUND,
            "text/plain",
            "no such operation",
        )),
    };
    // A process that calls out of order is cut off; the real API would answer 403.
    answer.map_or(Answer::Cut, Answer::Reply)
}

async fn next(desk: &Desk) -> Result<http::Response> {
    lock(&desk.timing).idle = Some(clock::now());
    desk.waiting.send_modify(|now| now.parties += 1);
    let job = desk.jobs.lock().await.recv().await;
    desk.waiting
        .send_modify(|now| now.parties = now.parties.saturating_sub(1));
    let job = job.context("the environment is being shut down")?;
    *lock(&desk.timing) = Timing {
        trace: job.trace.clone(),
        handed: Some(clock::now()),
        ..Timing::default()
    };
    Ok(hyper::Response::builder()
        .header("Content-Type", "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", job.request_id)
        .header("Lambda-Runtime-Deadline-Ms", job.deadline_ms)
        .header("Lambda-Runtime-Invoked-Function-Arn", &desk.arn)
        .header("Lambda-Runtime-Trace-Id", job.trace)
        .body(job.event)?)
}

fn finish(desk: &Desk, id: &str, outcome: Outcome) -> Result<http::Response> {
    lock(&desk.timing).answered = Some(clock::now());
    match lock(&desk.pending).take() {
        Some((expected, sender)) if expected == id => {
            // The invocation may have timed out in this very moment.
            drop(sender.send(outcome));
            Ok(accepted())
        }
        _ => bail!("no invocation {id} is running"),
    }
}

fn register(desk: &Desk) -> Result<http::Response> {
    desk.waiting.send_modify(|now| now.extensions += 1);
    let body =
        json!({"functionName": desk.arn, "functionVersion": "$LATEST", "handler": "bootstrap"});
    let mut response = http::json(StatusCode::OK, &body);
    let id = hyper::header::HeaderValue::from_str("harness-extension")?;
    response
        .headers_mut()
        .insert("Lambda-Extension-Identifier", id);
    Ok(response)
}

async fn extension_next(desk: &Desk) -> Result<http::Response> {
    let mut invoked = desk.invoked.subscribe();
    desk.waiting.send_modify(|now| now.parties += 1);
    let changed = invoked.changed().await;
    desk.waiting
        .send_modify(|now| now.parties = now.parties.saturating_sub(1));
    changed?;
    let (request_id, deadline_ms) = invoked.borrow().clone().unwrap_or_default();
    let body = json!({
        "eventType": "INVOKE", "deadlineMs": deadline_ms, "requestId": request_id,
        "invokedFunctionArn": desk.arn,
    });
    Ok(http::json(StatusCode::OK, &body))
}

fn accepted() -> http::Response {
    http::json(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

fn report(body: &Bytes) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|_not_json| Value::String(String::from_utf8_lossy(body).into_owned()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
