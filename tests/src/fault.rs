//! A front between the binaries and an emulator: it counts what passes and breaks it on demand.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use crate::clock::DEADLINE;
use crate::http::{self, Answer, Client, Request, Response, Server};
use crate::shared::Shared;

/// Longer than an event of the template's can wait: 1800 s and 3600 s of waiting, three visibilities of 360 s, and 15 minutes.
const AGE: Duration = Duration::from_hours(3);

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
    /// The service lists what it has, and every object in the listing seems older than an event can wait.
    Age,
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
        Self::Refuse(Refusal::new(status, code, false))
    }

    /// An error as S3 words it.
    pub fn s3(status: u16, code: &'static str) -> Self {
        Self::Refuse(Refusal::new(status, code, true))
    }

    /// The same error with a message of its own; nothing where this is no error.
    #[must_use]
    pub fn saying(self, message: &'static str) -> Self {
        match self {
            Self::Refuse(refusal) => Self::Refuse(Refusal { message, ..refusal }),
            Self::CutAfter | Self::HoldAfter(_) | Self::Withhold(_) | Self::Age => self,
        }
    }
}

impl Refusal {
    fn new(status: u16, code: &'static str, is_xml: bool) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code,
            message: "injected",
            is_xml,
        }
    }

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
#[derive(Clone, Debug, Default)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    held: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// Lets everything through from now on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Whether a call has come to the gate.
    pub fn is_reached(&self) -> bool {
        *self.held.borrow()
    }

    /// Waits until a call has come to the gate.
    pub async fn reached(&self) -> Result<()> {
        let mut held = self.held.subscribe();
        let reached = tokio::time::timeout(DEADLINE, held.wait_for(|held| *held)).await;
        reached.context("no call comes to the gate")??;
        Ok(())
    }

    async fn pass(&self) {
        self.held.send_replace(true);
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

#[derive(Clone)]
struct Script {
    upstream: String,
    client: Client,
    rules: Shared<Vec<Rule>>,
    calls: Shared<Vec<Call>>,
}

/// A front before one service.
pub struct Front {
    server: Server,
    script: Script,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Front").field(&self.server).finish()
    }
}

impl Front {
    /// A front that passes everything on to `upstream`.
    pub async fn start(upstream: &str) -> Result<Self> {
        let script = Script {
            upstream: upstream.to_owned(),
            client: Client::default(),
            rules: Shared::default(),
            calls: Shared::default(),
        };
        let server = Server::start(script.clone(), Script::serve).await?;
        Ok(Self { server, script })
    }

    /// The endpoint to give the binaries.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until every call that had been made by now, also by a process that is dead, is on its way to the service, or given up.
    pub async fn settled(&self) -> Result<()> {
        self.server.settled().await
    }

    /// Does `fault` to the next `times` calls that match. Rules are tried in the order of their making.
    pub fn inject<M>(&self, times: usize, fault: Fault, matches: M)
    where
        M: Fn(&Request) -> bool + Send + Sync + 'static,
    {
        self.script.rules.lock().push(Rule {
            matches: Box::new(matches),
            fault,
            left: times,
        });
    }

    /// Forgets all rules: everything passes again.
    pub fn heal(&self) {
        self.script.rules.lock().clear();
    }

    /// Every call so far, in the order of their ends.
    pub fn calls(&self) -> Vec<Call> {
        self.script.calls.lock().clone()
    }
}

impl Script {
    async fn serve(self, request: Request) -> Answer {
        let fault = self.fault(&request);
        let (method, path) = (request.method().clone(), path_of(&request));
        let (body, broken) = (request.body().clone(), fault.is_some());
        let (answer, status) = match fault {
            Some(Fault::Refuse(refusal)) => (Some(refusal.response()), None),
            Some(Fault::Withhold(gate)) => {
                gate.pass().await;
                (None, None)
            }
            other => {
                let mut answer = self.forward(request).await;
                let status = answer.as_ref().map(Response::status);
                match (other, &mut answer) {
                    (Some(Fault::CutAfter), answer) => *answer = None,
                    (Some(Fault::HoldAfter(gate)), _) => gate.pass().await,
                    (Some(Fault::Age), Some(listing)) => age(listing),
                    _ => {}
                }
                (answer, status)
            }
        };
        self.calls.lock().push(Call {
            method,
            path,
            body,
            status,
            broken,
        });
        answer
    }

    fn fault(&self, request: &Request) -> Option<Fault> {
        let mut rules = self.rules.lock();
        let mut rules = rules.iter_mut();
        let rule = rules.find(|rule| rule.left > 0 && (rule.matches)(request))?;
        rule.left -= 1;
        Some(rule.fault.clone())
    }

    async fn forward(&self, mut request: Request) -> Answer {
        let uri = format!("{}{}", self.upstream, path_of(&request));
        *request.uri_mut() = uri.parse::<Uri>().ok()?;
        strip_connection(request.headers_mut());
        let mut response = self.client.send(request).await.ok()?;
        strip_connection(response.headers_mut());
        Some(response)
    }
}

/// Takes out what is about the connection alone.
fn strip_connection(headers: &mut HeaderMap) {
    for name in [CONNECTION, TRANSFER_ENCODING] {
        headers.remove(name);
    }
}

/// A listing of S3 with every `<LastModified>` set back.
fn age(response: &mut Response) {
    const OPEN: &str = "<LastModified>";
    const CLOSE: &str = "</LastModified>";
    let set_back = |part: &str| {
        let (time, rest) = part.split_once(CLOSE)?;
        let time = time.parse::<Timestamp>().ok()?.checked_sub(AGE).ok()?;
        Some(format!("{time}{CLOSE}{rest}"))
    };
    let text = String::from_utf8_lossy(response.body());
    let parts = text.split(OPEN);
    let parts = parts.map(|part| set_back(part).unwrap_or_else(|| part.to_owned()));
    *response.body_mut() = parts.collect::<Vec<_>>().join(OPEN).into();
    response.headers_mut().remove(CONTENT_LENGTH);
}

/// Whether a request lists objects of a bucket whose keys begin so.
pub fn lists(request: &Request, prefix: &str) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.contains("list-type=2") && query.contains(&format!("prefix={prefix}"))
}

fn path_of(request: &Request) -> String {
    let path = request.uri().path_and_query();
    path.map_or_else(|| "/".to_owned(), ToString::to_string)
}
