//! A real browser, driven by `WebDriver` over plain HTTP. Where there is none, it is installed, or the test says what to install.

use crate::house::agent;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Once;

/// The name under which `WebDriver` hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Where Debian, Ubuntu and others put them.
const FOLDERS: [&str; 4] = [
    "/usr/bin",
    "/usr/local/bin",
    "/snap/bin",
    "/opt/google/chrome",
];
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const DRIVERS: [&str; 2] = ["chromedriver", "chromium-driver"];
/// As root, in a container and without a screen.
const FLAGS: &str = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking \
    --disable-component-update --no-first-run";

/// A browser with one window. It ends with the test.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
}

/// Something on the page.
#[derive(Clone, Debug)]
pub(crate) struct Element(String);

/// Where something lies in the window, in pixels.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Rect {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Rect {
    pub(crate) fn right(self) -> f64 {
        self.x + self.width
    }
}

impl Browser {
    pub(crate) fn start() -> Self {
        let (browser, driver) = installed();
        let mut command = Command::new(driver);
        command.arg("--port=0").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = command.spawn().unwrap();
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let port = line.split("successfully on port ").nth(1)?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.expect("the driver says where it listens");
        let mut this = Self {
            driver,
            agent: agent(),
            session: format!("http://127.0.0.1:{port}/session"),
        };
        let flags: Vec<&str> = FLAGS.split_whitespace().collect();
        let options = json!({ "binary": browser, "args": flags });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let made = this.post("", &wanted);
        this.session = format!("{}/{}", this.session, made["sessionId"].as_str().unwrap());
        this
    }

    #[track_caller]
    fn answer(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
        let text = answer.unwrap().body_mut().read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        let value = answer["value"].take();
        assert!(value["error"].is_null(), "the driver refused: {value:#}");
        value
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.session));
        let request = request.header("content-type", "application/json");
        Self::answer(request.send(body.to_string()))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        Self::answer(self.agent.get(format!("{}{path}", self.session)).call())
    }

    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    pub(crate) fn address(&self) -> String {
        self.get("/url").as_str().unwrap().to_owned()
    }

    pub(crate) fn title(&self) -> String {
        self.get("/title").as_str().unwrap().to_owned()
    }

    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.post("/window/rect", &json!({ "width": width, "height": height }));
    }

    /// Pretends that the person prefers a colour scheme.
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        let params = json!({ "features": [feature] });
        self.execute("Emulation.setEmulatedMedia", &params);
    }

    /// A command of the browser's own protocol.
    pub(crate) fn execute(&self, command: &str, params: &Value) -> Value {
        let command = json!({ "cmd": command, "params": params });
        self.post("/goog/cdp/execute", &command)
    }

    /// A picture of the whole page, as PNG.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let params = json!({ "captureBeyondViewport": true });
        let picture = self.execute("Page.captureScreenshot", &params);
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// What a script in the page returns.
    #[track_caller]
    pub(crate) fn evaluate(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Everything that a CSS selector finds.
    #[track_caller]
    pub(crate) fn all(&self, css: &str) -> Vec<Element> {
        let selector = json!({ "using": "css selector", "value": css });
        let found = self.post("/elements", &selector);
        let ids = found.as_array().unwrap().iter();
        ids.map(|id| Element(id[ELEMENT].as_str().unwrap().to_owned()))
            .collect()
    }

    /// The one thing that it finds.
    #[track_caller]
    pub(crate) fn one(&self, css: &str) -> Element {
        let mut found = self.all(css);
        assert_eq!(found.len(), 1, "{css}");
        found.remove(0)
    }

    /// What a person sees of an element: nothing of what is hidden.
    #[track_caller]
    pub(crate) fn text(&self, element: &Element) -> String {
        let text = self.get(&format!("/element/{}/text", element.0));
        let words = text.as_str().unwrap().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        let elements = self.all(css);
        elements.iter().map(|element| self.text(element)).collect()
    }

    #[track_caller]
    pub(crate) fn is_displayed(&self, element: &Element) -> bool {
        self.get(&format!("/element/{}/displayed", element.0)) == true
    }

    #[track_caller]
    pub(crate) fn rects(&self, css: &str) -> Vec<Rect> {
        let ids = self.all(css).into_iter();
        let rects = ids.map(|Element(id)| self.get(&format!("/element/{id}/rect")));
        let rects = rects.map(|rect| serde_json::from_value(rect).unwrap());
        rects.collect()
    }

    #[track_caller]
    pub(crate) fn style(&self, element: &Element, property: &str) -> String {
        let value = self.get(&format!("/element/{}/css/{property}", element.0));
        value.as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn click(&self, element: &Element) {
        self.post(&format!("/element/{}/click", element.0), &json!({}));
    }

    /// How much wider the page is than its window.
    pub(crate) fn overflow(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - window.innerWidth";
        self.evaluate(script).as_i64().unwrap()
    }

    /// Puts a script into the page, as an attacker would like to.
    pub(crate) fn inject(&self, script: &str) {
        let body = json!({
            "script": "const s = document.createElement('script'); s.textContent = arguments[0]; document.body.append(s);",
            "args": [script],
        });
        self.post("/execute/sync", &body);
    }

    /// What the browser complained of since the last time: errors, and what the page's policy forbade.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" }));
        let lines = log.as_array().unwrap().iter();
        lines.map(|line| line["message"].to_string()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with the session; whatever fails here, the driver goes.
        drop(self.agent.delete(&self.session).call());
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

fn find(names: &[&str]) -> Option<String> {
    let paths = FOLDERS.iter().flat_map(|folder| {
        let paths = names.iter().map(move |name| format!("{folder}/{name}"));
        paths.filter(|path| Path::new(path).exists())
    });
    paths.into_iter().next()
}

/// The browser and its driver.
fn installed() -> (String, String) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        if find(&BROWSERS).is_none() || find(&DRIVERS).is_none() {
            install();
        }
    });
    find(&BROWSERS).zip(find(&DRIVERS)).expect(
        "no Chromium and driver of it: install them (Debian: apt-get install chromium chromium-driver)",
    )
}

/// As root on Debian it can be put right. Elsewhere the test fails and says how.
fn install() {
    let apt = |line: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(["-qq", "-o", "DPkg::Lock::Timeout=300"])
            .args(line);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        let ran = command.stdin(Stdio::null()).status();
        ran.is_ok_and(|status| status.success())
    };
    let _installed = apt(&["update"]) && apt(&["install", "-y", "chromium", "chromium-driver"]);
}
