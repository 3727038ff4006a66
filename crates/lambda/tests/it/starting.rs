use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

const PLATFORM: [(&str, &str); 4] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "function"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_REGION", "us-east-1"),
];

const GOOD: [(&str, &str); 3] = [
    ("RAW_BUCKET", "raw-bucket"),
    ("ENRICHED_BUCKET", "enriched-bucket"),
    ("DELAY_QUEUE_URL", "http://127.0.0.1:1/000000000000/delay"),
];

/// The Runtime API of a platform, and a binary that will be started beside it with these variables alone.
fn platform(binary: &str, variables: &[&[(&str, &str)]]) -> (TcpListener, Command) {
    let platform = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = platform.local_addr().unwrap().to_string();
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .envs(variables.concat());
    (platform, command)
}

/// Starts a binary, beside a platform that hears one request: what the binary logged, and what it told the platform.
fn start(binary: &str, variables: &[&[(&str, &str)]]) -> (Output, Vec<Value>, String) {
    let (platform, mut command) = platform(binary, variables);
    let heard = thread::spawn(move || {
        let (mut stream, _) = platform.accept().unwrap();
        let mut request = String::new();
        let mut buffer = [0; 4096];
        while !request.ends_with('}') {
            let read = stream.read(&mut buffer).unwrap();
            if read == 0 {
                break;
            }
            request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        stream
            .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        request
    });
    let output = command.output().unwrap();
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    let lines = lines.map(|line| serde_json::from_str(line).unwrap());
    let lines = lines.collect();
    (output, lines, heard.join().unwrap())
}

#[test]
fn every_mistake_is_one_line_and_all_of_them_reach_the_platform() {
    let of_all = ["RAW_BUCKET", "ENRICHED_BUCKET", "DELAY_QUEUE_URL"];
    let of_enrich = [
        "RAW_BUCKET",
        "LOOKUP_BUCKET",
        "ENRICHED_BUCKET",
        "DELAY_QUEUE_URL",
        "SES_FROM_ADDRESS",
        "SES_TO_ADDRESS",
    ];
    for (binary, service, missing) in [
        (env!("CARGO_BIN_EXE_ingest"), "ingest", of_all.as_slice()),
        (env!("CARGO_BIN_EXE_enrich"), "enrich", &of_enrich),
        (env!("CARGO_BIN_EXE_sweep"), "sweep", &of_all),
    ] {
        let (output, lines, report) = start(binary, &[&PLATFORM]);
        assert_eq!(output.status.code(), Some(1));
        let logged: Vec<&Value> = lines.iter().map(|line| &line["variable"]).collect();
        assert_eq!(logged, missing);
        let is_ours = |line: &Value| line["service"] == service && line["level"] == "ERROR";
        assert!(lines.iter().all(is_ours), "{lines:?}");
        let request = "POST /2018-06-01/runtime/init/error HTTP/1.1\r\n";
        assert!(report.starts_with(request), "{report}");
        assert!(missing.iter().all(|name| report.contains(name)), "{report}");
    }
}

#[test]
fn a_certificate_bundle_that_is_none_is_a_mistake_and_not_a_panic() {
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let bundle = [("AWS_CA_BUNDLE", bundle)];
    let (_, lines, report) = start(env!("CARGO_BIN_EXE_ingest"), &[&PLATFORM, &GOOD, &bundle]);
    assert_eq!(lines[0]["variable"], "AWS_CA_BUNDLE");
    let error = lines[0]["error"].as_str().unwrap();
    assert!(error.contains("holds no certificate"), "{error}");
    assert!(report.contains("AWS_CA_BUNDLE"), "{report}");
}

#[test]
fn a_good_start_asks_for_the_first_event() {
    let endpoint = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    let variables: [&[_]; 3] = [&PLATFORM, &GOOD, &endpoint];
    let (platform, mut command) = platform(env!("CARGO_BIN_EXE_ingest"), &variables);
    let mut child = command.spawn().unwrap();
    let (mut stream, _) = platform.accept().unwrap();
    let mut buffer = [0; 4096];
    let read = stream.read(&mut buffer).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let request = std::str::from_utf8(&buffer[..read]).unwrap();
    let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1";
    assert!(request.starts_with(next), "{request}");
}
