//! What is measured, one part a file.

mod deciding;
mod dispatch;
mod first_sync;
mod idle;
mod pod;
mod push;
mod push_to_job;
mod unchanged;
mod webhook;

pub(crate) use deciding::deciding;
pub(crate) use dispatch::dispatch;
pub(crate) use first_sync::first_sync;
pub(crate) use idle::idle;
pub(crate) use pod::pod;
pub(crate) use push::push;
pub(crate) use push_to_job::push_to_job;
pub(crate) use unchanged::unchanged;
pub(crate) use webhook::webhook;

use anyhow::Result;
use beadlet_testbed::town::{Town, TownRepo};
use jiff::Timestamp;

use crate::arguments::Arguments;
use crate::bench::{Bench, Mirrored};

/// The town that most parts start with, mirrored by a running daemon.
async fn mirrored(
    bench: &Bench,
    arguments: &Arguments,
    name: &str,
) -> Result<(Town, TownRepo, Mirrored)> {
    let town = Town::grown(arguments.mirrored as usize, Timestamp::now());
    let repo = TownRepo::create(&bench.folder().join(name), &town)?;
    bench.tell(&format!("first sync of {} issues", arguments.mirrored));
    let mirrored = bench.mirror(&repo).await?;
    Ok((town, repo, mirrored))
}
