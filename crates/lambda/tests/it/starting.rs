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

/// Starts a binary with this environment alone, beside a platform that hears one request: what the binary told both.
fn start(binary: &str, variables: &[(&str, &str)]) -> (Output, String) {
    let platform = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = platform.local_addr().unwrap().to_string();
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
    let output = Command::new(binary)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", &address)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    (output, heard.join().unwrap())
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn every_mistake_is_one_line_and_all_of_them_reach_the_platform() {
    for (binary, service, missing) in [
        (
            env!("CARGO_BIN_EXE_ingest"),
            "ingest",
            ["RAW_BUCKET", "ENRICHED_BUCKET", "DELAY_QUEUE_URL"].as_slice(),
        ),
        (
            env!("CARGO_BIN_EXE_enrich"),
            "enrich",
            &[
                "RAW_BUCKET",
                "LOOKUP_BUCKET",
                "ENRICHED_BUCKET",
                "DELAY_QUEUE_URL",
                "SES_FROM_ADDRESS",
                "SES_TO_ADDRESS",
            ],
        ),
        (
            env!("CARGO_BIN_EXE_sweep"),
            "sweep",
            &["RAW_BUCKET", "ENRICHED_BUCKET", "DELAY_QUEUE_URL"],
        ),
    ] {
        let (output, report) = start(binary, &PLATFORM);
        assert_eq!(output.status.code(), Some(1));
        let told = lines(&output);
        let variables: Vec<&str> = told
            .iter()
            .map(|line| line["variable"].as_str().unwrap())
            .collect();
        assert_eq!(variables, missing);
        assert!(
            told.iter()
                .all(|line| line["service"] == service && line["level"] == "ERROR"),
            "{told:?}"
        );
        assert!(
            report.starts_with("POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"),
            "{report}"
        );
        assert!(missing.iter().all(|name| report.contains(name)), "{report}");
    }
}

#[test]
fn a_certificate_bundle_that_is_none_is_a_mistake_and_not_a_panic() {
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let variables = [PLATFORM.as_slice(), &GOOD, &[("AWS_CA_BUNDLE", bundle)]].concat();
    let (output, report) = start(env!("CARGO_BIN_EXE_ingest"), &variables);
    let told = lines(&output);
    assert_eq!(told[0]["variable"], "AWS_CA_BUNDLE");
    assert!(
        told[0]["error"]
            .as_str()
            .unwrap()
            .contains("holds no certificate"),
        "{told:?}"
    );
    assert!(report.contains("AWS_CA_BUNDLE"), "{report}");
}

#[test]
fn a_good_start_asks_for_the_first_event() {
    let variables = [
        PLATFORM.as_slice(),
        &GOOD,
        &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")],
    ]
    .concat();
    let platform = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ingest"))
        .env_clear()
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            platform.local_addr().unwrap().to_string(),
        )
        .envs(variables)
        .spawn()
        .unwrap();
    let (mut stream, _) = platform.accept().unwrap();
    let mut buffer = [0; 4096];
    let read = stream.read(&mut buffer).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let request = std::str::from_utf8(&buffer[..read]).unwrap();
    assert!(
        request.starts_with("GET /2018-06-01/runtime/invocation/next HTTP/1.1"),
        "{request}"
    );
}
