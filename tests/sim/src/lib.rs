#![doc = include_str!("../README.md")]

mod actor;
pub mod control;
mod end;
pub mod explore;
pub mod fault;
pub mod findings;
pub mod kept;
mod lie;
mod machine;
pub mod mistake;
mod old;
mod operator;
mod owner;
mod process;
pub mod receiver;
pub mod rule;
pub mod seeds;
pub mod setting;
mod state;
mod sweeper;
mod webhook;
mod world;

use leadwire_domain::notice::{MailTemplate, TemplateSource};
use std::sync::LazyLock;

pub use state::Report;
pub use world::{run_script, run_seed, run_seed_with};

/// A quarter of a world's time is memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A mail's subject says whose it is, which is a promise; what its body looks like is none here, and would be an eighth of a world's time.
pub(crate) static MAIL: LazyLock<MailTemplate> = LazyLock::new(|| {
    let body = || Some("a lead".to_owned());
    let source = TemplateSource {
        subject: None,
        text: body(),
        html: body(),
    };
    MailTemplate::parse(source).expect("two texts without a variable")
});

/// The delay between a webhook and its enrichment.
pub const DELAY_SECONDS: u32 = 600;
