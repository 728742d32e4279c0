//! Fuzz targets on stable Rust: every seed, and the same mutations of them on each run.

#[allow(unreachable_pub, reason = "public in the fuzz crate")]
#[path = "../fuzz/src/known_hosts.rs"]
mod known_hosts;
#[allow(unreachable_pub, reason = "public in the fuzz crate")]
#[path = "../fuzz/src/mutate.rs"]
mod mutate;
#[allow(unreachable_pub, reason = "public in the fuzz crate")]
#[path = "../fuzz/src/webhook.rs"]
mod webhook;

use std::path::Path;

/// Calls `check` with every seed of a target, and with mutations of them.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    let mut paths: Vec<_> = std::fs::read_dir(folder.join(target))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.sort();
    let seeds: Vec<_> = paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    seeds.iter().for_each(|file| check(file));
    mutate::mutations(&seeds, 3_000).for_each(|file| check(&file));
}

#[test]
fn known_hosts_reader_holds_its_promises_on_seeds_and_mutations_of_them() {
    replay("known_hosts", known_hosts::check);
}

#[test]
fn proofs_of_a_webhook_hold_their_promises_on_seeds_and_mutations_of_them() {
    replay("webhook", webhook::check);
}
