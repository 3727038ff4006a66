//! The harness of the integration suite: real emulators of AWS, a platform that runs the real binaries
//! the way Lambda does, and fronts that break on demand.
//!
//! A test reads like an account of the deployed system: [`stack::Stack`] deploys `template.yaml` (without what an
//! emulator cannot run), [`function::Function`] runs a binary behind the Lambda Runtime API, [`mapping::Mapping`]
//! is the SQS event source, [`gateway::Gateway`] the REST API, [`fault`] the network that fails. [`house::House`]
//! wires one of each together.

pub mod clients;
pub mod clock;
pub mod emulator;
pub mod event;
pub mod fault;
pub mod function;
pub mod gateway;
pub mod house;
pub mod http;
pub mod instance;
pub mod json;
pub mod mailbox;
pub mod mapping;
pub mod pager;
pub mod program;
pub mod prune;
pub mod secret;
pub mod settings;
pub mod stack;
pub mod template;
