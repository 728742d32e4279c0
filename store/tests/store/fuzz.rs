//! The fuzz target of the reader, on stable Rust: every seed, every fixture, and the same mutations of them on each run.

#[allow(unreachable_pub, reason = "public in the fuzz crate")]
#[path = "../../../tests/fuzz/src/mutate.rs"]
mod mutate;
#[allow(unreachable_pub, reason = "public in the fuzz crate")]
#[path = "../../../tests/fuzz/src/reader.rs"]
mod target;

use std::path::PathBuf;

use crate::fixture;

fn files(folder: PathBuf) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

#[test]
fn reader_holds_its_promises_on_seeds_and_mutations_of_them() {
    let seeds = files(fixture("../tests/fuzz/seeds/reader"));
    seeds
        .iter()
        .chain(&files(fixture("ready")))
        .chain(&files(fixture("render")))
        .for_each(|file| target::check(file));
    mutate::mutations(&seeds, 3_000).for_each(|file| target::check(&file));
}
