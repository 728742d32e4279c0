//! The part of a pass that only computes, called directly.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use beadlet_store::configmap::{Renderer, Scope};
use beadlet_store::reader::read;
use beadlet_store::ready::{Profile, readiness};
use beadlet_store::tracker::TrackerConfig;
use beadlet_testbed::town::Town;
use jiff::Timestamp;

use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::figures::{Deciding, median};

const ROUNDS: usize = 15;

pub(crate) fn deciding(bench: &Bench, arguments: &Arguments) -> Result<Deciding> {
    let now = Timestamp::now();
    let file = Town::grown(arguments.mirrored as usize, now).to_jsonl()?;
    bench.tell(&format!(
        "{ROUNDS} rounds over {} issues",
        arguments.mirrored
    ));
    let rounds = (0..ROUNDS)
        .map(|_| round(&file, now))
        .collect::<Result<Vec<_>>>()?;
    let of = |step: usize| median(&rounds.iter().map(|times| times[step]).collect::<Vec<_>>());
    Ok(Deciding {
        issues: arguments.mirrored as usize,
        read: of(0),
        ready: of(1),
        render: of(2),
    })
}

/// The times of reading, of READY, and of rendering with hashing.
fn round(file: &[u8], now: Timestamp) -> Result<[Duration; 3]> {
    let begin = Instant::now();
    let reading = read(file)?;
    let read_at = Instant::now();
    let ready = readiness(&reading, Profile::default(), now);
    let ready_at = Instant::now();
    let (config, scope) = (TrackerConfig::default(), scope());
    let renderer = Renderer::new(&reading, &ready, &config, &scope);
    for index in 0..reading.issues.len() {
        black_box(renderer.desired(index));
    }
    Ok([read_at - begin, ready_at - read_at, ready_at.elapsed()])
}

fn scope() -> Scope {
    Scope {
        namespace: "town".to_owned(),
        store: "town".to_owned(),
        owner: None,
        profile: Profile::default(),
        prefixes: Vec::new(),
        closed_retention: None,
    }
}
