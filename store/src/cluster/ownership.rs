//! Whose object is it? Objects that beadlet did not make are never overwritten or deleted. Decides: no I/O.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::stored::{WireManager, WireMeta};
use crate::issue::IssueId;
use crate::keys::{FIELD_MANAGER, annotation, label};
use crate::name::configmap_name;

/// Whose object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// This store made it, even where somebody took its labels away.
    Ours,
    /// Another store of beadlet made it.
    OtherStore,
    /// Somebody else made it.
    Foreign,
}

/// What a store calls its own.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) store: String,
    pub(super) owner: Option<OwnerReference>,
}

/// An object is ours when it says so in all three places (the two labels, and the id that leads to its name), or when its
/// `managedFields` show that beadlet wrote it and no other store claims it: so an object that was relabelled is found again, a
/// copy under another name is left alone, and one that a backup tool restored (with its own name as field manager) is adopted.
pub(super) fn ownership(meta: &WireMeta<'_>, claim: &Claim) -> Ownership {
    let store = meta.labels.get(label::STORE).map(String::as_str);
    let ours = store == Some(claim.store.as_str());
    if ours && is_managed_by_us(meta) && id_leads_to_name(meta) {
        return Ownership::Ours;
    }
    if !meta.managed_fields.iter().any(is_beadlet) {
        return Ownership::Foreign;
    }
    if claimed_by_other_owner(meta, claim)
        || (store.is_some() && !ours && store_label_is_beadlets(meta))
    {
        return Ownership::OtherStore;
    }
    Ownership::Ours
}

fn is_managed_by_us(meta: &WireMeta<'_>) -> bool {
    meta.labels.get(label::MANAGED_BY).map(String::as_str) == Some(label::MANAGED_BY_BEADLET)
}

fn id_leads_to_name(meta: &WireMeta<'_>) -> bool {
    let id = meta
        .annotations
        .get(annotation::BEAD_ID)
        .map(String::as_str);
    id.and_then(IssueId::new)
        .is_some_and(|id| configmap_name(&id) == *meta.name)
}

fn is_beadlet(manager: &WireManager<'_>) -> bool {
    manager.manager.as_deref() == Some(FIELD_MANAGER)
}

/// A BeadStore owns it, and it is not ours.
fn claimed_by_other_owner(meta: &WireMeta<'_>, claim: &Claim) -> bool {
    let mine = claim.owner.as_ref().map(|o| o.uid.as_str());
    let mut stores = meta
        .owner_references
        .iter()
        .filter(|o| o.kind == "BeadStore");
    stores.any(|o| Some(o.uid.as_str()) != mine)
}

/// Whether beadlet itself wrote the store label that stands there; otherwise somebody relabelled the object.
fn store_label_is_beadlets(meta: &WireMeta<'_>) -> bool {
    let key = format!("f:{}", label::STORE);
    let owns = |m: &WireManager<'_>| {
        let fields = m
            .fields_v1
            .map(|raw| serde_json::from_str::<serde_json::Value>(raw.get()));
        matches!(fields, Some(Ok(fields)) if fields["f:metadata"]["f:labels"].get(&key).is_some())
    };
    meta.managed_fields.iter().any(|m| is_beadlet(m) && owns(m))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BEADLET: &str =
        r#"{"f:metadata":{"f:labels":{"f:gastown.gastown.io/store":{}}},"f:data":{}}"#;
    const BEADLET_WITHOUT_STORE: &str = r#"{"f:data":{}}"#;

    fn check(
        labels: &serde_json::Value,
        managers: &[(&str, &str)],
        owner_uid: Option<&str>,
        expected: Ownership,
    ) {
        let managers: Vec<_> = managers
            .iter()
            .map(|(m, f)| json!({"manager": m, "fieldsV1": serde_json::from_str::<serde_json::Value>(f).unwrap()}))
            .collect();
        let owners: Vec<_> = owner_uid
            .iter()
            .map(|uid| json!({"apiVersion": "v", "kind": "BeadStore", "name": "s", "uid": uid}))
            .collect();
        let meta =
            json!({"name": "bead-gt-1", "uid": "u", "resourceVersion": "1", "labels": labels,
            "annotations": {}, "managedFields": managers, "ownerReferences": owners})
            .to_string();
        let meta: WireMeta<'_> = serde_json::from_str(&meta).unwrap();
        let claim = Claim {
            store: "town".into(),
            owner: None,
        };
        assert_eq!(
            ownership(&meta, &claim),
            expected,
            "{meta}",
            meta = meta.name
        );
    }

    #[test]
    fn object_that_beadlet_wrote_for_this_store_is_ours() {
        let labels = json!({label::STORE: "town", label::MANAGED_BY: "beadlet"});
        check(&labels, &[("beadlet", BEADLET)], None, Ownership::Ours);
    }

    #[test]
    fn object_of_somebody_else_is_foreign() {
        check(
            &json!({}),
            &[("kubectl-create", "{}")],
            None,
            Ownership::Foreign,
        );
        check(&json!({}), &[], None, Ownership::Foreign);
    }

    #[test]
    fn object_that_only_wears_our_labels_is_foreign() {
        let labels = json!({label::STORE: "town", label::MANAGED_BY: "beadlet"});
        check(
            &labels,
            &[("kubectl-create", "{}")],
            None,
            Ownership::Foreign,
        );
    }

    #[test]
    fn object_that_lost_its_labels_is_still_ours() {
        check(
            &json!({}),
            &[("beadlet", BEADLET_WITHOUT_STORE), ("kubectl-label", "{}")],
            None,
            Ownership::Ours,
        );
    }

    #[test]
    fn object_that_somebody_moved_to_another_store_is_still_ours() {
        let labels = json!({label::STORE: "elsewhere"});
        check(
            &labels,
            &[("beadlet", BEADLET_WITHOUT_STORE)],
            None,
            Ownership::Ours,
        );
    }

    #[test]
    fn object_of_another_store_stays_with_it() {
        let labels = json!({label::STORE: "elsewhere"});
        check(
            &labels,
            &[("beadlet", BEADLET)],
            None,
            Ownership::OtherStore,
        );
        check(
            &json!({}),
            &[("beadlet", BEADLET_WITHOUT_STORE)],
            Some("another"),
            Ownership::OtherStore,
        );
    }
}
