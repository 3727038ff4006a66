//! Ports for programs that are started later, or again.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that systems hand out by themselves (Linux from 32,768): no other socket gets one of these by chance while its program is not
/// there, not even one that connects to it.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// A port of this machine that is free, another one each time.
///
/// # Errors
/// None is free.
pub fn free_port() -> io::Result<u16> {
    static ASKED: AtomicU16 = AtomicU16::new(0);
    let mut wrong = io::ErrorKind::AddrInUse.into();
    for _ in 0..COUNT {
        // Processes that ask at the same time begin at places of their own.
        let asked = u32::from(ASKED.fetch_add(1, Ordering::Relaxed));
        let place = std::process::id().wrapping_mul(101).wrapping_add(asked) % u32::from(COUNT);
        let port = FIRST + u16::try_from(place).unwrap_or_default();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_free) => return Ok(port),
            Err(error) => wrong = error,
        }
    }
    Err(wrong)
}
