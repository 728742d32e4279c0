//! What a person finds in the cluster after the first pass.

use anyhow::Result;

use super::count;
use crate::show::Stage;

const OPEN_ROWS: usize = 10;
const READY_ROWS: usize = 20;

pub(crate) async fn first_sync(stage: &mut Stage<'_>) -> Result<()> {
    let screen = stage.screen;
    screen.heading(&format!(
        "What is open: {}",
        count(stage, "bead-status=open").await?
    ));
    let open = [
        "get",
        "cm",
        "-l",
        "bead-status=open",
        "-L",
        "bead-ready,bead-priority,bead-type",
    ];
    stage.place.kubectl.show(screen, &open, OPEN_ROWS).await?;

    screen.heading(&format!(
        "What could start now: {}",
        count(stage, "bead-ready=true").await?
    ));
    let columns = "custom-columns=NAME:metadata.name,TITLE:data.title";
    stage
        .place
        .kubectl
        .show(
            screen,
            &["get", "cm", "-l", "bead-ready=true", "-o", columns],
            READY_ROWS,
        )
        .await
}
