//! The reader of ssh's `known_hosts`.

use beadlet_sync::git::known_hosts::parse;

/// Reads `bytes` and asks for hosts.
///
/// # Panics
/// When something does not hold that holds for every file.
pub fn check(bytes: &[u8]) {
    let (hosts, rejected) = parse(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(rejected.len() <= lines, "a line is rejected once");
    assert!(
        rejected
            .iter()
            .all(|rejected| (1..=lines).contains(&rejected.line)),
        "a rejected line is one of the file"
    );
    for (host, port) in [("github.com", 22), ("[::1]", 2222), ("", 0), ("*", 22)] {
        let _ = hosts.of(host, port).kinds();
    }
}
