//! SIGHUP: the sources are read again, and nothing dies of it.

use crate::house::{House, agent};

/// A document whose only source takes signatures made with this secret.
fn write_sources(house: &House, secret: &str) {
    let document = serde_json::json!({ "generic": { "secrets": [secret] } });
    house.write("leadwire-data/sources.json", &document.to_string());
}

const OLD: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NEW: &str = "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

#[test]
fn a_hangup_reads_the_sources_again_and_a_bad_document_keeps_the_old_ones() {
    let house = House::new();
    write_sources(&house, OLD);
    let up = house.up("");
    let send = |secret: &str| {
        house
            .run(&format!("send {} --secret {secret}", up.url))
            .code
    };
    assert_eq!(send(OLD), Some(0));
    house.write("leadwire-data/sources.json", "{ half");
    up.hang_up();
    let told = up.wait_for("sources_unavailable");
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("the one before counts"), "{told}");
    assert_eq!(send(OLD), Some(0));
    write_sources(&house, NEW);
    up.hang_up();
    up.wait_for("sources_reloaded");
    assert_eq!((send(NEW), send(OLD)), (Some(0), Some(1)));
    assert_eq!(up.stop(), Some(0));
}

#[test]
fn a_hangup_never_ends_the_service_not_even_while_it_stops() {
    let house = House::new();
    let up = house.up("");
    for _ in 0..10 {
        up.hang_up();
        up.wait_for("sources_reloaded");
    }
    let health = agent()
        .get(format!("{}/healthz", up.base()))
        .call()
        .unwrap();
    assert_eq!(health.status(), 200);
    up.hang_up();
    assert_eq!(up.stop(), Some(0));
}
