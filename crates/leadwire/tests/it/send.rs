use crate::house::{House, nobody_listens};

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
    let up = house.up("--environment prod");
    let send = format!("send {} --source", up.base());
    for source in ["generic", "standard", "close"] {
        let told = &house.json(&format!("{send} {source} --lead-id {source}"))[0];
        assert_eq!(told["status"], 202, "{told:#}");
        assert_eq!(told["answer"]["status"], "accepted", "{told:#}");
    }
    let secrets = [
        ("generic", STANDARD),
        ("standard", GENERIC),
        ("close", OTHER_CLOSE),
    ];
    for (source, secret) in secrets {
        let told = house.json_with(1, &format!("{send} {source} --secret {secret}"));
        assert_eq!(told[0]["status"], 401, "{source}");
    }
}

#[test]
fn the_same_event_id_again_is_a_duplicate_and_a_count_is_as_many_leads() {
    let house = House::new();
    let up = house.up("");
    let send = || {
        let told = house.json(&format!("send {} --lead-id a --event-id e1", up.base()));
        assert_eq!(up.wait_for("lead_accepted")["conflicting"], false);
        told[0]["answer"]["events"][0]["duplicate"].clone()
    };
    assert_eq!([send(), send()], [false, true]);
    let told = house.json(&format!("send {} --lead-id many --count 3", up.base()));
    let leads: Vec<_> = told.iter().map(|told| &told["lead_id"]).collect();
    assert_eq!(leads, ["many-1", "many-2", "many-3"]);
}

#[test]
fn nobody_listening_is_a_failure_in_words() {
    let house = House::new();
    let (_bound, address) = nobody_listens();
    let ran = house.run(&format!("send http://{address}"));
    ran.expect_error(1, "could not post");
}
