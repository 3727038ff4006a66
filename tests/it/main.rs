//! The integration suite: the real binaries, black box, against `LocalStack` and moto.

mod emulators;
mod events;
mod faults;
mod platform;
mod rules;
mod stacks;
