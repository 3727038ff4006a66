#![doc = include_str!("../README.md")]

#[cfg(feature = "carriers")]
mod carrier;
mod crm;
mod custom;
mod doctor;
mod document;
mod html;
mod identity;
mod input;
mod mail;
mod merge;
mod message;
pub mod mutate;
pub mod seed;
mod signature;
mod stage;
mod webhook;

#[cfg(feature = "carriers")]
pub use carrier::{queue_batch, web_event};
pub use crm::{hubspot, pipedrive, salesforce, zoho};
pub use custom::custom;
pub use doctor::doctor;
pub use document::stored_document;
pub use identity::lead_id;
pub use mail::mail;
pub use merge::merge;
pub use message::queue_message;
pub use signature::{signature, sources_document};
pub use stage::{lookup_file, record, request};
pub use webhook::webhook_body;

/// Something that holds for any bytes: it ends quietly, or panics.
pub type Law = fn(&[u8]);

/// Every law by its name, which is that of its file of seeds and of its fuzz target.
pub const LAWS: &[(&str, Law)] = &[
    ("custom", custom),
    ("doctor", doctor),
    ("hubspot", hubspot),
    ("lead_id", lead_id),
    ("lookup_file", lookup_file),
    ("mail", mail),
    ("merge", merge),
    ("pipedrive", pipedrive),
    #[cfg(feature = "carriers")]
    ("queue_batch", queue_batch),
    ("queue_message", queue_message),
    ("record", record),
    ("request", request),
    ("salesforce", salesforce),
    ("signature", signature),
    ("sources_document", sources_document),
    ("stored_document", stored_document),
    #[cfg(feature = "carriers")]
    ("web_event", web_event),
    ("webhook_body", webhook_body),
    ("zoho", zoho),
];
