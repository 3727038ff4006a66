//! One execution environment of Lambda: one process of a binary, behind a Runtime API of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};

use crate::clients::{ACCOUNT, REGION};
use crate::clock;
use crate::http::{self, Answer, Request, Server};
use crate::shared::Shared;

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

/// An environment of these variables.
pub fn environment<'a, V: Into<String>>(
    variables: impl IntoIterator<Item = (&'a str, V)>,
) -> BTreeMap<String, String> {
    let pair = |(name, value): (&str, V)| (name.to_owned(), value.into());
    variables.into_iter().map(pair).collect()
}

/// What a function has written, line by line.
#[derive(Clone, Debug, Default)]
pub struct LogBook(Shared<Vec<String>>);

impl LogBook {
    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().clone()
    }

    /// The last lines so far, so many.
    pub fn tail(&self, count: usize) -> String {
        let lines = self.0.lock();
        let from = lines.len().saturating_sub(count);
        lines.get(from..).unwrap_or_default().join("\n  ")
    }

    /// Every line that is a JSON object.
    pub fn objects(&self) -> Vec<Value> {
        let parse = |line: &String| serde_json::from_str(line).ok().filter(Value::is_object);
        self.0.lock().iter().filter_map(parse).collect()
    }
}

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
    pending: Shared<Option<(String, oneshot::Sender<Outcome>)>>,
    waiting: watch::Sender<Waiting>,
    invoked: watch::Sender<Option<(String, i64)>>,
    init_error: Shared<Option<Value>>,
    timing: Shared<Timing>,
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
    pub async fn start(config: &FunctionConfig, log: &LogBook) -> Result<Self> {
        let (jobs, receiver) = mpsc::channel(1);
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", config.name);
        let desk = Arc::new(Desk {
            arn,
            jobs: tokio::sync::Mutex::new(receiver),
            pending: Shared::default(),
            waiting: watch::Sender::default(),
            invoked: watch::Sender::default(),
            init_error: Shared::default(),
            timing: Shared::default(),
        });
        let server = Server::start(Arc::clone(&desk), serve).await?;
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
        let pid = child.id().context("a process that just started")?;
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
        self.desk.timing.lock().clone()
    }

    /// Waits for the end of a process that was told to end.
    pub(crate) async fn ended(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let ended = tokio::time::timeout(deadline, self.child.wait()).await;
        Ok(ended.context("the process does not end")??)
    }

    /// Runs one event to its outcome. After anything but a response or an error the process is dead.
    pub(crate) async fn run(&mut self, job: Job, timeout: Duration) -> Result<Outcome> {
        let (sender, receiver) = oneshot::channel();
        *self.desk.pending.lock() = Some((job.request_id.clone(), sender));
        let invoked = Some((job.request_id.clone(), job.deadline_ms));
        self.jobs.send(job).await?;
        self.desk.invoked.send_replace(invoked);
        Ok(tokio::select! {
            biased;
            outcome = receiver => outcome?,
            status = self.child.wait() => match self.desk.init_error.lock().take() {
                Some(error) => Outcome::Error(error),
                None => Outcome::Exited(status.ok()),
            },
            () = tokio::time::sleep(timeout) => {
                self.child.kill().await?;
                Outcome::TimedOut
            }
        })
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
    let log_group = format!("/aws/lambda/{}", config.name);
    environment([
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_FUNCTION_NAME", &config.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &log_group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "harness"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_SESSION_TOKEN", "test"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("TZ", ":UTC"),
        ("PATH", "/usr/bin:/bin"),
    ])
}

fn keep_lines(output: Option<impl AsyncRead + Unpin + Send + 'static>, log: &LogBook) {
    let Some(output) = output else { return };
    let log = log.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            log.0.lock().push(line);
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
            *desk.init_error.lock() = Some(report(request.body()));
            Ok(accepted())
        }
        (&Method::POST, ["2020-01-01", "extension", "register"]) => register(&desk),
        (&Method::GET, ["2020-01-01", "extension", "event", "next"]) => extension_next(&desk).await,
        _ => Ok(http::json(
            StatusCode::NOT_FOUND,
            &json!("no such operation"),
        )),
    };
    // A process that calls out of order is cut off; the real API would answer 403.
    answer.ok()
}

/// A party has come back for more, and waits.
async fn wait<T>(desk: &Desk, more: impl Future<Output = T>) -> T {
    desk.waiting.send_modify(|now| now.parties += 1);
    let more = more.await;
    desk.waiting
        .send_modify(|now| now.parties = now.parties.saturating_sub(1));
    more
}

async fn next(desk: &Desk) -> Result<http::Response> {
    desk.timing.lock().idle = Some(clock::now());
    let job = wait(desk, async { desk.jobs.lock().await.recv().await }).await;
    let job = job.context("the environment is being shut down")?;
    *desk.timing.lock() = Timing {
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
    desk.timing.lock().answered = Some(clock::now());
    match desk.pending.lock().take() {
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
    Ok(hyper::Response::builder()
        .header("Content-Type", "application/json")
        .header("Lambda-Extension-Identifier", "harness-extension")
        .body(body.to_string().into())?)
}

async fn extension_next(desk: &Desk) -> Result<http::Response> {
    let mut invoked = desk.invoked.subscribe();
    wait(desk, invoked.changed()).await?;
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
