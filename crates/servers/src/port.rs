//! Loopback ports, each for one of our processes at a time.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use rustix::fs::{FlockOperation, flock};

use crate::Error;

/// Ports of ours come from below the range out of which the kernel picks ports for outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A loopback port on which nobody listens now, and that no other process gets from here before this one ends: a server that is stopped for a
/// while finds its port again, and its clients do not come upon another one there in the meantime. Whoever uses it should still try another when it
/// is taken: programs that are not ours do not ask here.
///
/// Keeps a file open for each port.
///
/// # Errors
/// [`Error::Start`] when all are taken.
pub fn free_port() -> Result<u16, Error> {
    let span = u32::from(PORTS.end - PORTS.start);
    for _ in 0..span {
        // Processes start at different places, so that tests in parallel rarely look at the same port.
        let step = std::process::id().wrapping_mul(2_654_435_761).wrapping_add(unique());
        let Ok(port) = u16::try_from(u32::from(PORTS.start) + step % span) else { continue };
        if claim(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::Start { what: "a server", why: "no loopback port is free".to_owned() })
}

/// Each number once in this process.
pub(crate) fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Takes a port for as long as this process lives; `false`: another has it. Where no file can be kept everybody may have it, as without this.
fn claim(port: u16) -> bool {
    static CLAIMS: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let Some(file) = lock_file(port) else { return true };
    let ours = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    if ours {
        CLAIMS.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    }
    ours
}

/// Never removed: whoever looked at it a moment ago would lock one that nobody else sees.
fn lock_file(port: u16) -> Option<File> {
    let folder = folder();
    fs::create_dir_all(&folder).ok()?;
    File::options().create(true).truncate(false).write(true).open(folder.join(port.to_string())).ok()
}

fn folder() -> PathBuf {
    std::env::temp_dir().join(format!("muara-ports-{}", rustix::process::getuid().as_raw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_to_nobody_else_while_its_process_lives() {
        let port = free_port().expect("a port");
        // Nobody listens there: a server that is stopped for a while looks just so.
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
        // Another process opens the file by itself, as this does.
        assert!(!claim(port));
        let other = (0..50).map(|_| free_port().expect("a port")).find(|other| *other == port);
        assert_eq!(other, None);
    }
}
