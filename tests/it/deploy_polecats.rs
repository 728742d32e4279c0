//! What is shipped for the namespaces in which polecats run.

use beadlet_testbed::eventually;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::{Api, api::PostParams};
use serde_json::json;

use super::scheduler_town::{SOON, Town};

#[tokio::test]
async fn network_policy_applies_and_selects_the_pods_of_polecats() {
    let policy: NetworkPolicy =
        serde_saphyr::from_str(include_str!("../../deploy/polecats/networkpolicy.yaml")).unwrap();
    let town = Town::new("policy", json!({})).await;
    let policies: Api<NetworkPolicy> = town.namespace.api();
    let applied = policies
        .create(&PostParams::default(), &policy)
        .await
        .unwrap()
        .spec
        .unwrap();
    assert_eq!(applied.policy_types.unwrap(), ["Ingress", "Egress"]);
    assert_eq!(applied.ingress, None, "nobody may reach an agent");
    let expressions = applied.pod_selector.unwrap().match_expressions.unwrap();
    town.bead("gt-1", json!({})).await;
    let _controller = town.controller();
    let job = eventually(SOON, "the Job is made", async || {
        town.jobs().get("polecat-gt-1-1").await
    })
    .await;
    let labels = job.spec.unwrap().template.metadata.unwrap().labels.unwrap();
    assert!(
        expressions
            .iter()
            .all(|expression| expression.operator == "Exists"
                && labels.contains_key(&expression.key))
    );
}
