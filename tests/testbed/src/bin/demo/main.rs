//! `make demo`: a git push becomes labelled ConfigMaps, Polecats and Jobs, before one's eyes.

mod acts;
mod arguments;
mod kinds;
mod kubectl;
mod node;
mod place;
mod screen;
mod show;
mod stay;
mod yard;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};

use arguments::Arguments;
use screen::Screen;
use show::Show;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.context.is_none() {
        // Before signals are caught, so that a Ctrl-C ends a long build as it would anywhere.
        beadlet_testbed::tools::build::missing()?;
    }
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let screen = Screen::of_stdout();
    let folder = tempfile::Builder::new()
        .prefix("beadlet-demo-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    let mut show = Show::new(arguments, screen, folder.path());
    let ending = select! {
        played = show.play() => played,
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    };
    show.clear_away().await;
    if ending.is_err() {
        // The log is what a person needs now.
        screen.line(&format!("kept for a look: {}", folder.keep().display()));
    }
    ending
}
