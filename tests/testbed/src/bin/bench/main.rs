//! `make bench`: the figures of the design, measured beside the alternatives on one API server in one run.

mod arguments;
mod bench;
mod clients;
mod controlled;
mod figures;
mod history;
mod machine;
mod parts;
mod report;
mod targets;
mod text;

use anyhow::Result;
use clap::Parser;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};

use arguments::{Arguments, Part};
use bench::Bench;
use figures::Figures;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    beadlet_testbed::tools::build::missing()?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let figures = select! {
        measured = measure(&arguments) => measured?,
        _ = interrupted.recv() => anyhow::bail!("interrupted, nothing is written"),
    };
    report::write(&arguments, &figures, &machine::described()?)
}

async fn measure(arguments: &Arguments) -> Result<Figures> {
    let parts = arguments.parts();
    let mut bench = Bench::start(arguments, parts.len()).await?;
    let mut figures = Figures::default();
    for part in parts {
        bench.begin(part);
        match part {
            Part::FirstSync => figures.first_sync = parts::first_sync(&bench, arguments).await?,
            Part::Push => figures.push = Some(parts::push(&bench, arguments).await?),
            Part::Webhook => figures.webhook = Some(parts::webhook(&bench, arguments).await?),
            Part::Unchanged => figures.unchanged = Some(parts::unchanged(&bench, arguments).await?),
            Part::Idle => figures.idle = Some(parts::idle(&bench, arguments).await?),
            Part::Dispatch => figures.dispatch = Some(parts::dispatch(&bench, arguments).await?),
            Part::PushToJob => {
                figures.push_to_job = Some(parts::push_to_job(&bench, arguments).await?);
            }
            Part::Deciding => figures.deciding = Some(parts::deciding(&bench, arguments)?),
            Part::Pod => figures.pod = Some(parts::pod(&bench, arguments)?),
        }
    }
    bench.end();
    Ok(figures)
}
