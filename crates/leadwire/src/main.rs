#![doc = include_str!("../README.md")]

mod activity;
mod canary;
mod client;
mod command;
mod console;
mod duration;
mod effects;
mod home;
mod output;
mod owner_file;
mod page;
mod refused;
mod server;
mod service;
mod settings;
mod status;
mod telemetry_store;
mod trace;
mod usage;
mod watch;

use clap::Parser as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = command::Cli::parse();
    let mut output = output::Output::new(cli.json);
    let ended = command::run(cli.command, &mut output);
    output.end(ended)
}
