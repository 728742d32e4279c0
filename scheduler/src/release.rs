//! What lets Polecats be deleted where no controller runs any more.

use kube::Client;

use crate::ask::Cluster;
use crate::decide::attempt::Attempt;
use crate::fault::Fault;
use crate::term::Term;

/// Takes the finalizer off every Polecat, of one namespace or of all, and gives their number. Polecats and Jobs stay as they are, for the
/// next controller to go on from. A repetition does what is left.
///
/// # Errors
/// When the API server refuses, the term ends, or somebody else changed a Polecat meanwhile.
pub async fn release(client: Client, namespace: Option<&str>, term: Term) -> Result<usize, Fault> {
    let cluster = Cluster::new(client, term);
    let polecats = cluster.polecats(namespace).await?;
    for polecat in &polecats {
        if polecat.is_held() {
            cluster.let_go(polecat).await?;
        }
    }
    Ok(polecats.len())
}
