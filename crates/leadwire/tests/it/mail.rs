//! A mail server that refuses, once or for good.

use crate::house::{House, Up, nobody_listens, wait_until};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often a message is received before it is a dead letter.
const RECEIVES: usize = 3;

/// Answers each step of SMTP with what it is told to, and counts what it has taken.
pub(crate) struct MailServer {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

/// What has come in, and the step that is answered with something else, for so many times.
struct Seen {
    step: &'static str,
    answer: &'static str,
    times: usize,
    refused: usize,
    /// How long the step's answer takes.
    pause: Duration,
    messages: Vec<String>,
}

impl Seen {
    /// The answer to a step, and how long it takes.
    fn answer(&mut self, step: &str, usual: &'static str) -> (&'static str, Duration) {
        if !step.starts_with(self.step) || self.refused == self.times {
            return (usual, Duration::ZERO);
        }
        self.refused += 1;
        let is_usual = self.answer.is_empty();
        (if is_usual { usual } else { self.answer }, self.pause)
    }
}

impl MailServer {
    /// A server that answers a `step` that begins like this with `answer` for so many times, and takes everything else. It ends with the test's process.
    pub(crate) fn start(step: &'static str, answer: &'static str, times: usize) -> Self {
        Self::serve(step, answer, times, Duration::ZERO)
    }

    /// A server that takes everything, and so long for a `step` that begins like this, so many times.
    pub(crate) fn slow(step: &'static str, pause: Duration, times: usize) -> Self {
        Self::serve(step, "", times, pause)
    }

    fn serve(step: &'static str, answer: &'static str, times: usize, pause: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen {
            step,
            answer,
            times,
            refused: 0,
            pause,
            messages: Vec::new(),
        }));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen) = (stream.unwrap(), Arc::clone(&shared));
                // A client that hangs up is no trouble.
                std::thread::spawn(move || drop(serve(&stream, &seen)));
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// How often the step was answered otherwise, or is being answered late.
    pub(crate) fn refused(&self) -> usize {
        self.seen.lock().unwrap().refused
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.seen.lock().unwrap().messages.clone()
    }
}

fn serve(mut stream: &TcpStream, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let mut say = |step: &str, usual| {
        let (answer, pause) = seen.lock().unwrap().answer(step, usual);
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
        write!(stream, "{answer}\r\n").map(|()| answer)
    };
    say("greeting", "220 ready")?;
    while let Some(line) = lines.next().transpose()? {
        let verb = line.split([' ', ':']).next().unwrap();
        let usual = match verb {
            "QUIT" => "221 bye",
            "DATA" => "354 go on",
            _ => "250 ok",
        };
        if say(&line, usual)? == "354 go on" {
            let mut message = String::new();
            while let Some(line) = lines.next().transpose()?
                && line != "."
            {
                message.push_str(&line);
                message.push('\n');
            }
            if say("message", "250 taken")?.starts_with('2') {
                seen.lock().unwrap().messages.push(message);
            }
        }
    }
    Ok(())
}

pub(crate) fn up(house: &House, server: &MailServer, more: &str) -> Up {
    house
        .run("lookup put --create a --owner Omar")
        .expect_code(0);
    let addresses = "--from crm@example.com --to sales@example.com";
    let smtp = server.url();
    house.up(&format!("--delay 0s --smtp {smtp} {addresses} {more}"))
}

pub(crate) fn stage(house: &House) -> Value {
    house.lead("a")["stage"].clone()
}

#[track_caller]
fn check_refused(step: &'static str, answer: &'static str, words: &str) {
    let house = House::new();
    let server = MailServer::start(step, answer, usize::MAX);
    let up = up(&house, &server, "");
    up.accept("a");
    let told = up.wait_for("call_failed");
    let error = told["error"].as_str().unwrap();
    assert!(error.ends_with(words), "{step}: {error}");
    assert!(!error.contains("example.com"), "{step}: {error}");
    wait_until("the failure is written down", || {
        !house.json("dlq ls").is_empty()
    });
    let [failure] = house.json("dlq ls").try_into().unwrap();
    assert_eq!(failure["reason"], "mail_refused", "{step}");
    assert_eq!(failure["failure"]["lead_id"], "a", "{step}");
    let advice = "The mail was refused; check sender, recipients and the account";
    house.run("dlq ls").expect_out(0, advice);
    assert!(server.messages().is_empty(), "{step}");
}

#[test]
fn a_mail_server_that_refuses_for_good_ends_the_lead_with_its_reason() {
    for (step, answer, words) in [
        (
            "MAIL",
            "550 5.7.1 <crm@example.com> not wanted",
            "550 to MAIL FROM",
        ),
        (
            "RCPT",
            "550 5.1.1 <sales@example.com> unknown",
            "550 to RCPT TO",
        ),
        ("DATA", "554 5.7.1 no mail from you", "554 to DATA"),
        ("message", "554 5.6.0 spam", "554 to the message"),
    ] {
        let words = format!("the mail server answered {words}");
        check_refused(step, answer, &words);
    }
}

#[test]
fn a_refused_lead_that_comes_back_to_a_server_that_takes_it_is_mailed_once() {
    let house = House::new();
    let server = MailServer::start("RCPT", "550 5.1.1 unknown", 1);
    let first = up(&house, &server, "");
    first.accept("a");
    wait_until("the failure is written down", || {
        !house.json("dlq ls").is_empty()
    });
    // It has two of its three receives left, and comes back when it is visible again: six minutes later, or at the next start.
    let redrive = house.json("dlq redrive a");
    assert_eq!(redrive[0]["result"], "in the queue already");
    first.kill();
    let _second = up(&house, &server, "");
    wait_until("it is mailed", || stage(&house) == "mailed");
    assert_eq!((server.messages().len(), server.refused()), (1, 1));
    assert!(house.json("dlq ls").is_empty());
}

/// What `lead --json` says of each effect: state, attempts, detail.
fn effects(house: &House) -> Vec<Value> {
    let lead = house.lead("a");
    let effects = lead["effects"].as_array().unwrap().iter();
    let said = |effect: &Value| json!([effect["state"], effect["attempt"], effect["detail"]]);
    effects.map(said).collect()
}

#[test]
fn of_two_receivers_the_refused_one_is_told_by_a_redrive_and_the_other_is_told_once() {
    let house = House::new();
    house
        .run("lookup put --create a --owner Omar")
        .expect_code(0);
    let desk = "RCPT TO:<desk@example.com>";
    let server = MailServer::start(desk, "550 5.1.1 unknown", RECEIVES);
    let (smtp, to) = (server.url(), "team@example.com,desk@example.com");
    let flags = format!("--delay 0s --smtp {smtp} --from crm@example.com --to {to}");
    let mut up = house.up(&flags);
    up.accept("a");
    for receive in 1..=RECEIVES {
        let told = up.wait_for("record_failed");
        assert_eq!(told["reason"], "mail_refused");
        let refused = json!(["refused", receive, "550 5.1.1"]);
        assert_eq!(effects(&house), [json!(["sent", 1, null]), refused]);
        up.kill();
        // What failed is visible again at the next start.
        up = house.up(&flags);
    }
    wait_until("it is a dead letter", || {
        house.diagnosis("", "dead letters")["found"] != "none"
    });
    assert_eq!(server.messages().len(), 1);

    assert_eq!(house.json("dlq redrive a")[0]["result"], "sent");
    wait_until("it is mailed", || stage(&house) == "mailed");
    let messages = server.messages();
    let to = |address: &str| {
        let to = format!("To: {address}");
        let lines = messages.iter().flat_map(|message| message.lines());
        lines.filter(|line| *line == to).count()
    };
    assert_eq!(to("team@example.com"), 1, "{messages:#?}");
    assert_eq!(to("desk@example.com"), 1, "{messages:#?}");
    assert!(house.json("dlq ls").is_empty());
}

#[track_caller]
fn check_busy(step: &'static str, answer: &'static str) {
    let house = House::new();
    // The window ends three seconds after the first refusal: that is when it is tried again.
    let server = MailServer::start(step, answer, 1);
    let up = up(&house, &server, "--mail-wait 3s");
    up.accept("a");
    let told = up.wait_for("lead_deferred");
    assert_eq!(told["lead_id"], "a", "{step}");
    assert_eq!(told["reason"], "mail_unavailable", "{step}");
    let told = up.wait_for("email_sent");
    assert_eq!(told["lead_id"], "a", "{step}");
    assert_eq!((server.messages().len(), server.refused()), (1, 1));
    assert_eq!(stage(&house), "mailed", "{step}");
    // Waiting costs no receive: nothing failed, and the copy that came back was received for the first time.
    assert!(house.json("dlq ls").is_empty(), "{step}");
    assert_eq!(
        house.diagnosis("", "dead letters")["found"],
        "none",
        "{step}"
    );
    assert_eq!(up.stop(), Some(0));
    assert_eq!(server.messages().len(), 1, "{step}");
}

#[test]
fn a_mail_server_that_is_busy_first_gets_the_mail_once_and_no_receive_is_lost() {
    check_busy("greeting", "421 too busy");
    check_busy("RCPT", "450 4.2.0 greylisted");
    check_busy("message", "451 4.3.0 later");
}

#[test]
fn doctor_tells_whether_the_mail_server_lets_us_in() {
    let house = House::new();
    let _up = house.up("");
    let mail = |url: &str| house.diagnosis(&format!("--smtp {url}"), "mail");
    let good = MailServer::start("nothing", "", 0);
    assert_eq!(mail(&good.url())["verdict"], "ok");
    let refusing = MailServer::start("greeting", "554 go away", usize::MAX);
    let found = mail(&refusing.url());
    assert_eq!(found["verdict"], "FAIL");
    let expected = "could not use the mail server: the mail server answered 554 to the greeting";
    assert_eq!(found["found"], expected);
    let (_bound, address) = nobody_listens();
    let found = mail(&format!("smtp://{address}"));
    assert_eq!(found["verdict"], "FAIL");
    let text = found["found"].as_str().unwrap();
    assert!(text.contains("no connection to the mail server"), "{text}");
    assert_eq!(mail("http://mail.example.com")["verdict"], "FAIL");
}
