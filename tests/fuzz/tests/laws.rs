//! Every law over its seeds, over mutations of them, and over a corpus where there is one.

#![expect(
    clippy::print_stdout,
    reason = "an input that breaks a law is told before its panic goes on"
)]

use leadwire_laws::mutate::Mutator;
use leadwire_laws::{LAWS, Law, seed};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Mutations of a law in the ordinary run.
const MUTATIONS: usize = 3000;
/// Those of a law that only reads, and takes a tenth of the time.
const MUTATIONS_OF_READERS: usize = 20_000;
/// Those of a law that runs whole stages, or reads what they rendered, and takes ten times as long.
const MUTATIONS_OF_STAGES: usize = 1000;

/// Holds a law over one input. The input is told before the panic goes on, since it says more than the panic.
fn hold(name: &str, law: Law, data: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| law(data))) {
        println!("{name} does not hold for b\"{}\"", data.escape_ascii());
        std::panic::resume_unwind(panic);
    }
}

fn check(name: &str, mutations: usize) {
    let (_, law) = LAWS
        .iter()
        .find(|(law, _)| *law == name)
        .expect("the law is listed");
    let seeds = seed::seeds(name).expect("the law has a file of seeds");
    let tokens = seed::tokens().expect("there is a dictionary");
    for input in seeds.iter().chain(&seed::corpus().expect("the corpus")) {
        hold(name, *law, input);
    }
    let mut mutator = Mutator::new(20_261_123);
    for _ in 0..mutations {
        hold(name, *law, &mutator.mutate(&seeds, &tokens));
    }
}

#[test]
fn ids_are_taken_by_their_form_and_make_safe_keys() {
    check("lead_id", MUTATIONS);
}

#[test]
fn a_body_is_strict_json_of_one_lead_or_refused() {
    check("webhook_body", MUTATIONS_OF_READERS);
}

#[test]
fn nothing_but_the_signed_bytes_is_verified() {
    check("signature", MUTATIONS);
}

#[test]
fn nobody_without_a_secret_has_an_effect_whatever_is_declared() {
    check("custom", MUTATIONS);
}

#[test]
fn the_doctor_says_verified_where_the_door_does_and_shows_no_secret() {
    check("doctor", MUTATIONS_OF_STAGES);
}

#[test]
fn no_event_of_hubspots_hides_another() {
    check("hubspot", MUTATIONS_OF_STAGES);
}

#[test]
fn nobody_but_pipedrive_has_an_effect() {
    check("pipedrive", MUTATIONS_OF_STAGES);
}

#[test]
fn no_notification_of_salesforces_hides_another_and_no_session_is_kept() {
    check("salesforce", MUTATIONS_OF_STAGES);
}

#[test]
fn no_record_of_zohos_hides_another_and_no_token_is_kept() {
    check("zoho", MUTATIONS_OF_STAGES);
}

#[test]
fn a_sources_document_is_whole_or_refused_without_a_word_of_it() {
    check("sources_document", MUTATIONS_OF_READERS);
}

#[test]
fn a_message_is_read_as_it_was_written() {
    check("queue_message", MUTATIONS_OF_READERS);
}

#[test]
fn stored_documents_are_read_as_they_were_written() {
    check("stored_document", MUTATIONS_OF_READERS);
}

#[test]
fn a_merge_invents_and_loses_nothing() {
    check("merge", MUTATIONS_OF_READERS);
}

#[test]
fn no_value_breaks_out_of_its_place_in_a_mail() {
    check("mail", MUTATIONS_OF_STAGES);
}

#[test]
fn no_owner_file_can_do_more_than_name_an_owner() {
    check("lookup_file", MUTATIONS);
}

#[test]
fn a_request_is_stored_verbatim_or_leaves_nothing() {
    check("request", MUTATIONS_OF_STAGES);
}

#[test]
fn whatever_lies_in_queue_and_store_is_mailed_once_or_fails_with_a_reason() {
    check("record", MUTATIONS);
}

#[cfg(feature = "carriers")]
#[test]
fn a_request_is_the_same_by_every_carrier() {
    check("web_event", MUTATIONS);
}

#[cfg(feature = "carriers")]
#[test]
fn no_message_of_a_batch_changes_another() {
    check("queue_batch", MUTATIONS);
}

#[cfg(feature = "carriers")]
mod list {
    use super::*;
    use std::fs;
    use std::path::Path;

    /// The names of the files of a folder, without their extension.
    fn stems(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let entries = fs::read_dir(folder).expect("the folder is there");
        entries
            .map(|entry| entry.expect("it can be read").path())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect()
    }

    #[test]
    fn every_law_has_its_seeds_its_fuzz_target_and_its_test() {
        let laws: BTreeSet<String> = LAWS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(stems("seeds"), laws);
        assert_eq!(stems("../../fuzz/fuzz_targets"), laws);
        let this = include_str!("laws.rs");
        for law in laws {
            assert!(this.contains(&format!("check(\"{law}\"")), "{law}");
        }
    }
}

#[test]
fn mutations_are_the_same_in_every_run_and_differ_from_each_other() {
    let seeds = vec![b"{\"lead_id\":\"test-1\"}".to_vec()];
    let run = || {
        let mut mutator = Mutator::new(7);
        (0..100)
            .map(|_| mutator.mutate(&seeds, &[b"null".to_vec()]))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
    let different: BTreeSet<_> = run().into_iter().collect();
    assert!(different.len() > 80, "{}", different.len());
}
