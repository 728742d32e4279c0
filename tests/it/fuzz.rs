//! The fuzz target of the known-hosts reader, on stable Rust: every seed, and the same mutations of them on each run.

#[allow(unreachable_pub, reason = "public in the fuzz crate")]
#[path = "../fuzz/src/known_hosts.rs"]
mod known_hosts;
#[allow(unreachable_pub, reason = "public in the fuzz crate")]
#[path = "../fuzz/src/mutate.rs"]
mod mutate;

use std::path::Path;

#[test]
fn known_hosts_reader_holds_its_promises_on_seeds_and_mutations_of_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/known_hosts");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.sort();
    let seeds: Vec<_> = paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    seeds.iter().for_each(|file| known_hosts::check(file));
    mutate::mutations(&seeds, 3_000).for_each(|file| known_hosts::check(&file));
}
