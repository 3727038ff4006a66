//! A front between the binaries and an emulator: it counts what passes and breaks it on demand.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use crate::http::{self, Answer, Client, Request, Response, Server};

/// What is done to a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is answered here and never reaches the service.
    Refuse(Refusal),
    /// The service does what it was asked, and its reply is lost.
    CutAfter,
    /// The service does what it was asked, and its reply waits at a gate.
    HoldAfter(Gate),
    /// It waits at a gate and never reaches the service: for a caller that is killed before its call takes effect.
    Withhold(Gate),
    /// The service lists what it has, and every object in the listing seems this much older.
    Age(Duration),
}

/// An error of a service.
#[derive(Clone, Debug)]
pub struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    is_xml: bool,
}

impl Fault {
    /// An error as SES v2 words it.
    pub fn ses(status: u16, code: &'static str) -> Self {
        Self::refusal(status, code, false)
    }

    /// An error as S3 words it.
    pub fn s3(status: u16, code: &'static str) -> Self {
        Self::refusal(status, code, true)
    }

    fn refusal(status: u16, code: &'static str, is_xml: bool) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::Refuse(Refusal {
            status,
            code,
            message: "injected",
            is_xml,
        })
    }

    /// The same error with a message of its own; nothing where this is no error.
    #[must_use]
    pub fn saying(self, message: &'static str) -> Self {
        match self {
            Self::Refuse(refusal) => Self::Refuse(Refusal { message, ..refusal }),
            Self::CutAfter | Self::HoldAfter(_) | Self::Withhold(_) | Self::Age(_) => self,
        }
    }
}

impl Refusal {
    fn response(&self) -> Response {
        let (code, message) = (self.code, self.message);
        if self.is_xml {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
            );
            return http::text(self.status, "application/xml", body);
        }
        let mut response = http::json(self.status, &json!({"message": message}));
        let headers = response.headers_mut();
        headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
        response
    }
}

/// A gate that holds calls until it is opened.
#[derive(Clone, Debug)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    held: Arc<watch::Sender<usize>>,
}

impl Default for Gate {
    fn default() -> Self {
        let (open, held) = (watch::Sender::new(false), watch::Sender::new(0));
        Self {
            open: Arc::new(open),
            held: Arc::new(held),
        }
    }
}

impl Gate {
    /// Lets everything through from now on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// How many calls have come to the gate so far.
    pub fn arrivals(&self) -> usize {
        *self.held.borrow()
    }

    async fn pass(&self) {
        self.held.send_modify(|held| *held += 1);
        // An error means that nobody can open it any more.
        drop(self.open.subscribe().wait_for(|open| *open).await);
    }
}

/// A call that came to the front.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query: `/<bucket>/<key>` for S3.
    pub path: String,
    /// The body.
    pub body: Bytes,
    /// The status of the reply that the caller was meant to see; none where the service did not see the call.
    pub status: Option<StatusCode>,
    /// Whether a fault was done to it.
    pub broken: bool,
}

type Matcher = Box<dyn Fn(&Request) -> bool + Send + Sync>;

struct Rule {
    matches: Matcher,
    fault: Fault,
    left: usize,
}

struct Script {
    upstream: String,
    client: Client,
    rules: Mutex<Vec<Rule>>,
    calls: Mutex<Vec<Call>>,
}

/// A front before one service.
pub struct Front {
    server: Server,
    script: Arc<Script>,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Front {
    /// A front that passes everything on to `upstream`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(upstream: &str) -> Result<Self> {
        let script = Arc::new(Script {
            upstream: upstream.to_owned(),
            client: Client::default(),
            rules: Mutex::default(),
            calls: Mutex::default(),
        });
        let server = {
            let script = Arc::clone(&script);
            Server::start(move |request| {
                let script = Arc::clone(&script);
                async move { script.serve(request).await }
            })
            .await?
        };
        Ok(Self { server, script })
    }

    /// The endpoint to give the binaries.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until every call that had been made by now, also by a process that is dead, is on its way to the service, or given up.
    ///
    /// # Errors
    /// There is always another call.
    pub async fn settled(&self) -> Result<()> {
        self.server.settled().await
    }

    /// Does `fault` to the next `times` calls that match. Rules are tried in the order of their making.
    pub fn inject<M>(&self, times: usize, fault: Fault, matches: M)
    where
        M: Fn(&Request) -> bool + Send + Sync + 'static,
    {
        let matches = Box::new(matches);
        guard(&self.script.rules).push(Rule {
            matches,
            fault,
            left: times,
        });
    }

    /// Forgets all rules: everything passes again.
    pub fn heal(&self) {
        guard(&self.script.rules).clear();
    }

    /// Every call so far, in the order of their ends.
    pub fn calls(&self) -> Vec<Call> {
        guard(&self.script.calls).clone()
    }
}

impl Script {
    async fn serve(&self, request: Request) -> Answer {
        let fault = self.fault(&request);
        let (method, path) = (request.method().clone(), path_of(&request));
        let body = request.body().clone();
        let broken = fault.is_some();
        let (answer, status) = match fault {
            None => {
                let answer = self.forward(request).await;
                let status = status_of(&answer);
                (answer, status)
            }
            Some(Fault::Refuse(refusal)) => (Answer::Reply(refusal.response()), None),
            Some(Fault::CutAfter) => (Answer::Cut, status_of(&self.forward(request).await)),
            Some(Fault::HoldAfter(gate)) => {
                let answer = self.forward(request).await;
                gate.pass().await;
                let status = status_of(&answer);
                (answer, status)
            }
            Some(Fault::Withhold(gate)) => {
                gate.pass().await;
                (Answer::Cut, None)
            }
            Some(Fault::Age(by)) => {
                let answer = self.forward(request).await;
                let status = status_of(&answer);
                (aged(answer, by), status)
            }
        };
        guard(&self.calls).push(Call {
            method,
            path,
            body,
            status,
            broken,
        });
        answer
    }

    fn fault(&self, request: &Request) -> Option<Fault> {
        let mut rules = guard(&self.rules);
        let rule = rules
            .iter_mut()
            .find(|rule| rule.left > 0 && (rule.matches)(request))?;
        rule.left -= 1;
        Some(rule.fault.clone())
    }

    async fn forward(&self, mut request: Request) -> Answer {
        let uri = format!("{}{}", self.upstream, path_of(&request));
        let Ok(uri) = uri.parse::<Uri>() else {
            return Answer::Cut;
        };
        *request.uri_mut() = uri;
        for name in [CONNECTION, TRANSFER_ENCODING] {
            request.headers_mut().remove(name);
        }
        match self.client.send(request).await {
            Ok(mut response) => {
                for name in [CONNECTION, TRANSFER_ENCODING] {
                    response.headers_mut().remove(name);
                }
                Answer::Reply(response)
            }
            Err(_gone) => Answer::Cut,
        }
    }
}

/// A listing of S3 with every `<LastModified>` set back.
fn aged(answer: Answer, by: Duration) -> Answer {
    const OPEN: &str = "<LastModified>";
    const CLOSE: &str = "</LastModified>";
    let Answer::Reply(mut response) = answer else {
        return answer;
    };
    let set_back = |part: &str| {
        let (time, rest) = part.split_once(CLOSE)?;
        let time = time.parse::<Timestamp>().ok()?.checked_sub(by).ok()?;
        Some(format!("{time}{CLOSE}{rest}"))
    };
    let text = String::from_utf8_lossy(response.body());
    let parts = text
        .split(OPEN)
        .map(|part| set_back(part).unwrap_or_else(|| part.to_owned()));
    *response.body_mut() = parts.collect::<Vec<_>>().join(OPEN).into();
    response.headers_mut().remove(CONTENT_LENGTH);
    Answer::Reply(response)
}

fn path_of(request: &Request) -> String {
    let path = request.uri().path_and_query();
    path.map_or_else(|| "/".to_owned(), ToString::to_string)
}

fn status_of(answer: &Answer) -> Option<StatusCode> {
    match answer {
        Answer::Reply(response) => Some(response.status()),
        Answer::Cut => None,
    }
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
