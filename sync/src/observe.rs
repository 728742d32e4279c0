//! Reads what is in the cluster into the table.

use beadlet_store::cluster::{Beads, Cursor, Fault, ResourceVersion, Stored};
use futures::{StreamExt, TryStreamExt};

use crate::decide::observed::Observed;
use crate::decide::suspicion::Census;

/// How often a list that took too long is begun again.
const ATTEMPTS: usize = 5;
/// Objects that are read at the same time to see what somebody else did to them.
const READS: usize = 16;

/// Reads all our objects with their contents, page by page. The table holds them at the version that is given back.
///
/// # Errors
/// What the API server says.
pub async fn everything(beads: &Beads) -> Result<(Observed, ResourceVersion), Fault> {
    for _ in 1..ATTEMPTS {
        match everything_once(beads).await {
            Err(Fault::Expired) => {}
            done => return done,
        }
    }
    everything_once(beads).await
}

async fn everything_once(beads: &Beads) -> Result<(Observed, ResourceVersion), Fault> {
    let (mut observed, mut cursor) = (Observed::default(), Cursor::default());
    loop {
        let page = beads.page(&cursor).await?;
        for stored in page.items {
            observed.read(stored);
        }
        match page.next {
            Some(next) => cursor = next,
            None => return Ok((observed, page.version)),
        }
    }
}

/// Reads which of our objects has which version.
///
/// # Errors
/// What the API server says; also when the list took too long for the server.
pub(crate) async fn census(beads: &Beads) -> Result<Census, Fault> {
    let (mut there, mut cursor) = (Vec::new(), Cursor::default());
    loop {
        let page = beads.sightings(&cursor).await?;
        there.extend(page.items);
        match page.next {
            Some(next) => cursor = next,
            None => {
                let version = page.version;
                return Ok(Census { there, version });
            }
        }
    }
}

/// Reads the objects of these names into the table. Gives the number of those that are not what the table said.
///
/// # Errors
/// What the API server says. What was read before stays in the table.
pub async fn some(
    beads: &Beads,
    names: &[Box<str>],
    observed: &mut Observed,
) -> Result<usize, Fault> {
    let reads = futures::stream::iter(names.to_vec()).map(|name| read(beads.clone(), name));
    let mut reads = reads.buffer_unordered(READS);
    let mut news = 0;
    while let Some((name, found)) = reads.try_next().await? {
        let differs = match found {
            Some(stored) => observed.read(stored),
            None => observed.is_gone(&name),
        };
        news += usize::from(differs);
    }
    Ok(news)
}

async fn read(beads: Beads, name: Box<str>) -> Result<(Box<str>, Option<Stored>), Fault> {
    let found = beads.get(&name).await?;
    Ok((name, found))
}
