//! The one-machine home under a killed process, and under a tracer that watches its system calls.

#[cfg(test)]
mod child;
#[cfg(test)]
mod kill;
#[cfg(test)]
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod sync;
