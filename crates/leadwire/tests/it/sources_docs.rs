//! docs/sources: the declaration of each page, with a request as its product sends it, from HTTP to the mail in the outbox.
//!
//! How a product signs is written here from its own documentation, and shares nothing with the code that verifies.

use crate::house::{House, UNOWNED, Up, agent, wait_until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use leadwire_domain::source::Sources;
use leadwire_local::SystemClock;
use leadwire_pipeline::port::Clock as _;
use serde_json::{Map, Value};
use sha2::Sha256;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A product that has a page.
struct Product {
    name: &'static str,
    proof: Proof,
    status: u16,
    /// The type of what it posts.
    content: &'static str,
    /// What each of the fixture's leads has in its mail.
    mails: &'static [&'static [&'static str]],
}

type Headers = Vec<(&'static str, String)>;
/// The headers that sign a body, by a secret at a time in milliseconds.
type Sign = fn(&str, &[u8], i64) -> Headers;

/// How it shows who it is.
enum Proof {
    Signed(Sign),
    /// The same, and the time is signed too.
    SignedWithTime(Sign),
    /// A header with the secret in it.
    Header(&'static str, &'static str),
    /// The secret in this member of the query.
    Query(&'static str),
    /// The secret in the body, where the fixture has its placeholder.
    Body,
}

const JSON: &str = "application/json";

const PRODUCTS: [Product; 9] = [
    Product {
        name: "calendly",
        proof: Proof::SignedWithTime(|secret, body, now| {
            let seconds = now / 1000;
            let signature = hex::encode(hmac(secret, &[format!("{seconds}.").as_bytes(), body]));
            vec![(
                "Calendly-Webhook-Signature",
                format!("t={seconds},v1={signature}"),
            )]
        }),
        status: 202,
        content: JSON,
        mails: &[&[
            "Zoe Example",
            "zoe@example.com",
            "+12025550143",
            "We need ten seats.",
            "First call",
        ]],
    },
    Product {
        name: "elementor",
        proof: Proof::Query("token"),
        status: 200,
        content: "application/x-www-form-urlencoded",
        mails: &[&[
            "zoe@example.com",
            "+1 202 555 0143",
            "ask for me.",
            "7a1b2c3",
        ]],
    },
    Product {
        name: "facebook",
        proof: Proof::Signed(as_github),
        status: 200,
        content: JSON,
        // Both changes of one entry.
        mails: &[
            &[
                "1234567890123456",
                "987654321098765",
                "Omar",
                "Found-Elsewhere",
            ],
            &["1234567890123457", "987654321098766"],
        ],
    },
    Product {
        name: "github",
        proof: Proof::Signed(as_github),
        status: 202,
        content: JSON,
        mails: &[&[
            "zoe-example",
            "example/shop",
            "Do you ship to Norway?",
            "twelve people",
        ]],
    },
    Product {
        name: "google-ads",
        proof: Proof::Body,
        status: 200,
        content: JSON,
        mails: &[&[
            "TeSter-123-ABC",
            "Zoe Example",
            "zoe@example.com",
            "+12025550143",
        ]],
    },
    Product {
        name: "make",
        proof: Proof::Header("X-Api-Key", ""),
        status: 202,
        content: JSON,
        mails: &[
            &["c-1001", "Zoe Example", "zoe@example.com", "Pro"],
            &["c-1002", "Max Muster", "max@example.com", "Free"],
        ],
    },
    Product {
        name: "typeform",
        proof: Proof::Signed(|secret, body, _| {
            let signature = STANDARD.encode(hmac(secret, &[body]));
            vec![("Typeform-Signature", format!("sha256={signature}"))]
        }),
        status: 202,
        content: JSON,
        mails: &[&[
            "a3a12ec67a1365927098a606107fac15",
            "zoe@example.com",
            "+12025550143",
            "call after five.",
        ]],
    },
    Product {
        name: "webflow",
        proof: Proof::SignedWithTime(|secret, body, now| {
            let signature = hex::encode(hmac(secret, &[format!("{now}:").as_bytes(), body]));
            vec![
                ("x-webflow-timestamp", now.to_string()),
                ("x-webflow-signature", signature),
            ]
        }),
        status: 200,
        content: JSON,
        mails: &[&[
            "6922b4d8df3949bfc6752327",
            "Zoe Example",
            "zoe@example.com",
            "12025550143",
            "call me back.",
        ]],
    },
    Product {
        name: "zapier",
        proof: Proof::Header("Authorization", "Bearer "),
        status: 202,
        content: JSON,
        mails: &[&[
            "rec8f2Zx1",
            "Zoe Example",
            "zoe@example.com",
            "Example Ltd",
            "newsletter",
        ]],
    },
];

/// As GitHub documents it, and Meta after it.
fn as_github(secret: &str, body: &[u8], _: i64) -> Headers {
    let signature = hex::encode(hmac(secret, &[body]));
    vec![("X-Hub-Signature-256", format!("sha256={signature}"))]
}

fn hmac(key: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// A request of a product.
struct Sent {
    path: String,
    headers: Headers,
    body: Vec<u8>,
}

impl Product {
    fn page(&self) -> String {
        fs::read_to_string(docs().join(format!("sources/{}.md", self.name))).unwrap()
    }

    /// The only block of JSON in its page.
    #[track_caller]
    fn declaration(&self) -> String {
        let page = self.page();
        let mut blocks = page.split("```json\n").skip(1);
        let block = blocks.next().unwrap().split("```").next().unwrap();
        assert!(blocks.next().is_none(), "{}: two declarations", self.name);
        block.to_owned()
    }

    /// What the declaration says `<…>` for, in its order.
    fn placeholders(&self) -> Vec<String> {
        let declaration = self.declaration();
        let opened = declaration.split('<').skip(1);
        opened
            .map(|rest| rest.split('>').next().unwrap().to_owned())
            .collect()
    }

    /// What the request is proved by.
    fn secret(&self) -> String {
        secret(&self.placeholders()[0])
    }

    /// The document of this source alone, with secrets.
    fn source(&self) -> Map<String, Value> {
        let mut text = self.declaration();
        for placeholder in self.placeholders() {
            text = text.replace(&format!("<{placeholder}>"), &secret(&placeholder));
        }
        serde_json::from_str(&text).unwrap()
    }

    fn fixture(&self) -> Vec<u8> {
        let path = |kind| docs().join(format!("sources/fixtures/{}.{kind}", self.name));
        let text = fs::read_to_string(path("json")).or_else(|_| fs::read_to_string(path("txt")));
        text.unwrap().trim_end().into()
    }

    /// Its fixture, proved by this secret at this time.
    fn sent(&self, by: &str, at: i64) -> Sent {
        let mut sent = Sent {
            path: format!("/ingest/{}", self.name),
            headers: vec![("content-type", self.content.to_owned())],
            body: self.fixture(),
        };
        match self.proof {
            Proof::Signed(sign) | Proof::SignedWithTime(sign) => {
                sent.headers.extend(sign(by, &sent.body, at));
            }
            Proof::Header(name, scheme) => sent.headers.push((name, format!("{scheme}{by}"))),
            Proof::Query(name) => sent.path = format!("{}?{name}={by}", sent.path),
            Proof::Body => {
                let placeholder = format!("<{}>", self.placeholders()[0]);
                let text = String::from_utf8(sent.body).unwrap();
                sent.body = text.replace(&placeholder, by).into();
            }
        }
        sent
    }

    /// Requests that are wrong by one bit, or by too much time.
    fn forgeries(&self, now: i64) -> Vec<Sent> {
        let mut other = self.secret().into_bytes();
        *other.last_mut().unwrap() ^= 1;
        let mut forgeries = vec![self.sent(&String::from_utf8(other).unwrap(), now)];
        if matches!(self.proof, Proof::Signed(_) | Proof::SignedWithTime(_)) {
            let mut changed = self.sent(&self.secret(), now);
            let middle = changed.body.len() / 2;
            changed.body[middle] ^= 1;
            forgeries.push(changed);
        }
        if matches!(self.proof, Proof::SignedWithTime(_)) {
            forgeries.push(self.sent(&self.secret(), now - 400_000));
            forgeries.push(self.sent(&self.secret(), now + 400_000));
        }
        forgeries
    }
}

/// What stands for a placeholder in the tests.
fn secret(placeholder: &str) -> String {
    format!("{}-0123456789abcdef01234", placeholder.replace(' ', "-"))
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// The names of the files of this kind in a folder, without their endings.
fn names(folder: &str, kinds: &[&str]) -> Vec<String> {
    let entries = fs::read_dir(docs().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let of_kind = paths.filter(|path| {
        path.extension()
            .is_some_and(|kind| kinds.iter().any(|one| kind == *one))
    });
    let mut names: Vec<_> = of_kind
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Every page's source.
fn document() -> String {
    let sources = PRODUCTS.iter().flat_map(Product::source);
    Value::Object(sources.collect()).to_string()
}

/// Milliseconds.
fn now() -> i64 {
    SystemClock.now().as_millisecond()
}

/// Posts, and gives status and body.
fn post(up: &Up, sent: &Sent) -> (u16, String) {
    let mut request = agent().post(format!("{}{}", up.base(), sent.path));
    for (name, value) in &sent.headers {
        request = request.header(*name, value);
    }
    let mut response = request.send(&sent.body).unwrap();
    let status = response.status().as_u16();
    (status, response.body_mut().read_to_string().unwrap())
}

#[test]
fn every_page_has_a_fixture_a_test_and_a_link_and_nothing_else_is_there() {
    let tested: Vec<_> = PRODUCTS.iter().map(|product| product.name).collect();
    assert_eq!(names("sources", &["md"]), tested);
    assert_eq!(names("sources/fixtures", &["json", "txt"]), tested);
    let overview = fs::read_to_string(docs().join("SOURCES.md")).unwrap();
    for product in &PRODUCTS {
        let link = format!("(sources/{}.md)", product.name);
        assert!(overview.contains(&link), "docs/SOURCES.md lacks {link}");
        let lines = product.page().lines().count();
        assert!(lines < 60, "{} has {lines} lines", product.name);
    }
}

#[test]
fn every_declaration_is_a_source_of_its_pages_name_and_has_no_mistake() {
    for product in &PRODUCTS {
        let source = product.source();
        assert_eq!(source.keys().collect::<Vec<_>>(), [product.name]);
        let sources = Sources::parse(&Value::Object(source).to_string());
        assert!(sources.is_ok(), "{}: {:?}", product.name, sources.err());
    }
}

#[test]
fn what_each_product_sends_is_mailed_once_and_one_wrong_bit_is_refused() {
    let house = House::new();
    house.write("leadwire-data/sources.json", &document());
    let person = "--owner Omar --field display_name=Found-Elsewhere";
    let put = format!("lookup put 1234567890123456 --create {person}");
    house.run(&put).expect_code(0);
    let up = house.up(&format!("--delay 0s {UNOWNED}"));
    for product in &PRODUCTS {
        for forged in product.forgeries(now()) {
            let (status, answer) = post(&up, &forged);
            assert_eq!(status, 401, "{}: {answer}", product.name);
        }
        let (status, answer) = post(&up, &product.sent(&product.secret(), now()));
        assert_eq!(status, product.status, "{}: {answer}", product.name);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "accepted", "{}: {answer}", product.name);
        let events = answer["events"].as_array().unwrap().len();
        assert_eq!(events, product.mails.len(), "{}: {answer}", product.name);
    }
    let mails: usize = PRODUCTS.iter().map(|product| product.mails.len()).sum();
    wait_until("every lead is mailed", || {
        let leads = house.json("leads");
        leads.len() == mails && leads.iter().all(|lead| lead["stage"] == "mailed")
    });
    let outbox = house.mails();
    assert_eq!(outbox.len(), mails);
    let read = |name| fs::read_to_string(house.data().join("outbox").join(name)).unwrap();
    let outbox: Vec<String> = outbox.into_iter().map(read).collect();
    for product in &PRODUCTS {
        for parts in product.mails {
            let is_told = |mail: &String| parts.iter().all(|part| mail.contains(part));
            assert!(
                outbox.iter().any(is_told),
                "{}: no mail has {parts:?}: {outbox:?}",
                product.name
            );
        }
    }
}

#[test]
fn what_a_product_sends_again_is_the_same_lead_where_its_page_says_so() {
    let house = House::new();
    house.write("leadwire-data/sources.json", &document());
    let up = house.up("--delay 10s");
    let mut again = BTreeSet::new();
    for product in PRODUCTS.iter().chain(&PRODUCTS) {
        let (_, answer) = post(&up, &product.sent(&product.secret(), now()));
        let answer: Value = serde_json::from_str(&answer).unwrap();
        if answer["events"]
            .as_array()
            .unwrap()
            .iter()
            .all(|event| event["duplicate"] == true)
        {
            again.insert(product.name);
        }
    }
    let mut all: BTreeSet<_> = PRODUCTS.iter().map(|product| product.name).collect();
    all.remove("elementor");
    assert_eq!(again, all);
}

#[test]
fn githubs_ping_is_ignored() {
    let house = House::new();
    house.write("leadwire-data/sources.json", &document());
    let up = house.up("--delay 10s");
    let github = PRODUCTS.iter().find(|one| one.name == "github").unwrap();
    let body = br#"{"zen":"Keep it logically awesome.","hook_id":1}"#.to_vec();
    let headers = as_github(&github.secret(), &body, 0);
    let path = "/ingest/github".to_owned();
    let (status, answer) = post(
        &up,
        &Sent {
            path,
            headers,
            body,
        },
    );
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("event_type_not_taken"), "{answer}");
}

#[test]
fn metas_challenge_is_answered_with_its_value_and_only_to_the_verify_token() {
    let house = House::new();
    house.write("leadwire-data/sources.json", &document());
    let up = house.up("--delay 10s");
    let ask = |token: &str| {
        let query = format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        let mut response = agent()
            .get(format!("{}/facebook?{query}", up.url))
            .call()
            .unwrap();
        let content = response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let status = response.status().as_u16();
        (
            status,
            content,
            response.body_mut().read_to_string().unwrap(),
        )
    };
    let (status, content, body) = ask(&secret("verify token"));
    assert_eq!((status, body.as_str()), (200, "1158201444"));
    assert!(content.starts_with("text/plain"), "{content}");
    for wrong in ["", "verify-token", &secret("app secret")] {
        assert_eq!(ask(wrong).0, 401, "{wrong}");
    }
}

#[test]
fn the_signature_that_github_publishes_is_verified() {
    let (secret, body) = ("It's a Secret to Everybody", "Hello, World!");
    let published = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(as_github(secret, body.as_bytes(), 0)[0].1, published);
    let github = PRODUCTS.iter().find(|one| one.name == "github").unwrap();
    let mut source = Value::Object(github.source());
    source["github"]["verify"]["secrets"][0] = secret.into();
    let house = House::new();
    house.write("leadwire-data/sources.json", &source.to_string());
    let up = house.up("--delay 10s");
    let status = |body: &str| {
        let headers = vec![("X-Hub-Signature-256", published.to_owned())];
        let path = "/ingest/github".to_owned();
        post(
            &up,
            &Sent {
                path,
                headers,
                body: body.into(),
            },
        )
        .0
    };
    // Verified, and no JSON.
    assert_eq!(status(body), 400);
    assert_eq!(status("Hello, World?"), 401);
}
