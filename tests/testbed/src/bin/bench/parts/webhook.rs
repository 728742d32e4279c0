//! From a moved branch behind a git server until a watching client sees the ConfigMap, where a webhook says that it moved.

use std::fs;

use anyhow::{Result, ensure};
use beadlet_testbed::daemon::free_address;
use beadlet_testbed::forge;
use beadlet_testbed::git::GitHttp;
use beadlet_testbed::git::http::{Auth, Tls};
use beadlet_testbed::town::{Town, TownRepo};
use jiff::Timestamp;

use super::push::pushes;
use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::figures::Push;

const SECRET: &str = "of the benchmark";
const FOLDER: &str = "webhook";

pub(crate) async fn webhook(bench: &Bench, arguments: &Arguments) -> Result<Push> {
    let town = Town::grown(arguments.mirrored as usize, Timestamp::now());
    let repo = TownRepo::create(&bench.folder().join(FOLDER), &town)?;
    let server = GitHttp::of_folder(bench.folder(), Tls::Plain, Auth::Anyone);
    let secret = bench.folder().join("webhook-secret");
    fs::write(&secret, SECRET)?;
    let address = free_address()?.to_string();
    // Nothing but the webhook says that there is something new.
    let more = [
        ["--sync-interval", "1d"],
        ["--proxy", "none"],
        ["--webhook-listen", &address],
        ["--webhook-secret-file", &secret.display().to_string()],
    ];
    let more = more.concat().iter().map(ToString::to_string).collect();
    let url = format!("{}/{FOLDER}/.git", server.base());
    bench.tell(&format!("first sync of {} issues", arguments.mirrored));
    let namespace = bench.namespace("webhook").await?;
    let mirrored = bench.mirror_with(url, namespace, more).await?;
    let announce = async || {
        let code = forge::push(&address, "/webhook", SECRET).await?;
        ensure!(code == 202, "the webhook was answered with {code}");
        Ok(())
    };
    pushes(bench, arguments.pushes, (town, &repo), mirrored, announce).await
}
