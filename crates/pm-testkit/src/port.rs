//! Ports for servers under test.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below what systems give to callers (`ip_local_port_range` begins at 32768): a port found free there would be taken
/// by some caller's connection before the server under test has started.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port nobody listens on, another one at each call.
///
/// # Panics
///
/// If all are taken.
pub fn free_port() -> u16 {
    // Programs of tests that run at the same time begin elsewhere.
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = start.wrapping_add(step) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("it is below COUNT");
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
