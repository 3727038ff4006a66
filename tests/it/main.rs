//! The integration suite: the real binaries, black box, against `LocalStack` and moto.

mod alarms;
mod canary;
mod crash;
mod duplicate;
mod emulators;
mod events;
mod faults;
mod owner;
mod parallel;
mod platform;
mod poison;
mod readme;
mod rig;
mod rules;
mod signed;
mod stacks;
mod sweep;
mod telemetry_clock;
mod telemetry_lines;
mod throttle;
mod trace;
mod trace_again;
mod trace_batch;
mod trace_export;
mod trace_outside;
mod trace_xray;
