use crate::house::House;

const CLOSE: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OTHER_CLOSE: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const STANDARD: &str = "whsec_MDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJi";
const GENERIC: &str = "whsec_YWFiYmNjZGRlZWZmMDAxMTIyMzM0NDU1";

fn sources() -> String {
    serde_json::json!({
        "close": { "secrets": [CLOSE] },
        "standard": { "secrets": [STANDARD] },
        "generic": { "secrets": [GENERIC] },
    })
    .to_string()
}

#[test]
fn a_lead_that_send_signs_is_taken_from_every_source_and_a_wrong_secret_is_not() {
    let house = House::new();
    house.write("leadwire-data/sources.json", &sources());
    let up = house.up(&["--environment", "prod"]);
    for source in ["generic", "standard", "close"] {
        let ran = house
            .run(&[
                "send",
                up.base(),
                "--source",
                source,
                "--lead-id",
                source,
                "--json",
            ])
            .expect_code(0);
        let told = ran.documents().remove(0);
        assert_eq!(
            (&told["status"], &told["answer"]["status"]),
            (&202.into(), &"accepted".into()),
            "{told:#}"
        );
    }
    let secrets = [
        ("generic", STANDARD),
        ("standard", GENERIC),
        ("close", OTHER_CLOSE),
    ];
    for (source, secret) in secrets {
        let ran = house
            .run(&[
                "send",
                up.base(),
                "--source",
                source,
                "--secret",
                secret,
                "--json",
            ])
            .expect_code(1);
        assert_eq!(ran.documents()[0]["status"], 401, "{source}");
    }
}

#[test]
fn the_same_event_id_again_is_a_duplicate_and_a_count_is_as_many_leads() {
    let house = House::new();
    let up = house.up(&[]);
    let send = || {
        let line = [
            "send",
            up.base(),
            "--lead-id",
            "a",
            "--event-id",
            "e1",
            "--json",
        ];
        let ran = house.run(&line).expect_code(0);
        let told = up.wait_for("lead_accepted");
        assert_eq!(told["conflicting"], false);
        ran.documents()[0]["answer"]["events"][0]["duplicate"].clone()
    };
    assert_eq!([send(), send()], [false, true]);
    let ran = house
        .run(&[
            "send",
            up.base(),
            "--lead-id",
            "many",
            "--count",
            "3",
            "--json",
        ])
        .expect_code(0);
    let leads: Vec<_> = ran
        .documents()
        .iter()
        .map(|told| told["lead_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(leads, ["many-1", "many-2", "many-3"]);
}

#[test]
fn nobody_listening_is_a_failure_in_words() {
    let house = House::new();
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.local_addr().unwrap();
    let ran = house
        .run(&["send", &format!("http://{address}")])
        .expect_code(1);
    assert!(ran.err.contains("could not post"), "{}", ran.err);
}
