//! The Polecat that dispatch makes.

use beadlet_store::keys::{label, work};
use beadlet_store::kinds::{DesiredState, Kubernetes, Polecat, PolecatSpec, PolecatTemplate, Rig};
use kube::ResourceExt;

use super::batch::Batches;
use super::dispatch::NewPolecat;
use super::job::fits_label;

/// Who makes Jobs of the Polecats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// This scheduler: what a Polecat does not say is taken from its Rig when its Job is made.
    Beadlet,
    /// gastown-operator, which knows no templates: everything is said in the Polecat.
    Operator,
}

/// The object to create.
#[must_use]
pub fn newborn(new: &NewPolecat<'_>, rig: &Rig, batches: &Batches<'_>, runner: Runner) -> Polecat {
    let PolecatTemplate {
        metadata,
        spec: template,
    } = rig.spec.polecat_template.clone().unwrap_or_default();
    let mut spec = PolecatSpec {
        rig: Some(rig.name_any()),
        bead_id: Some(new.bead.key.id.clone()),
        desired_state: Some(DesiredState::Working),
        ..PolecatSpec::default()
    };
    if runner == Runner::Operator {
        spec.agent = template.agent;
        spec.agent_config = template.agent_config;
        spec.kubernetes = Some(with_repository(
            template.kubernetes.unwrap_or_default(),
            rig,
        ));
        spec.resources = template.resources;
        spec.max_idle_seconds = template.max_idle_seconds;
        spec.ttl_seconds_after_finished = template.ttl_seconds_after_finished;
        spec.task_description = template.task_description;
    }
    // gastown-operator makes a new branch of that name, which the server would not take.
    if let (Some(branch), Runner::Beadlet) = (&new.branch, runner) {
        spec.kubernetes.get_or_insert_default().work_branch = Some(branch.clone());
    }
    let mut polecat = Polecat::new(&new.key.name, spec);
    polecat.metadata.namespace = Some(new.key.namespace.clone());
    let metadata = metadata.unwrap_or_default();
    polecat.metadata.annotations = Some(metadata.annotations);
    polecat.metadata.labels = Some(metadata.labels);
    sign(&mut polecat, new, rig, batches);
    if runner == Runner::Beadlet {
        polecat.metadata.finalizers = Some(vec![work::FINALIZER.to_owned()]);
    }
    polecat
}

/// The object to create when a person asks for an attempt, whatever dispatch thinks of it. It says everything itself, so it does not
/// matter who runs it; it is the person's own: only they delete it. `task` takes the place of the template's.
#[must_use]
pub fn by_hand(
    new: &NewPolecat<'_>,
    rig: &Rig,
    batches: &Batches<'_>,
    task: Option<String>,
) -> Polecat {
    let mut polecat = newborn(new, rig, batches, Runner::Operator);
    polecat.labels_mut().remove(label::MANAGED_BY);
    polecat.spec.task_description = task.or(polecat.spec.task_description);
    polecat
}

fn with_repository(kubernetes: Kubernetes, rig: &Rig) -> Kubernetes {
    let git_repository = kubernetes
        .git_repository
        .or_else(|| Some(rig.spec.git_url.clone()));
    Kubernetes {
        git_repository,
        ..kubernetes
    }
}

/// Writes on the Polecat what it is and where it comes from.
fn sign(polecat: &mut Polecat, new: &NewPolecat<'_>, rig: &Rig, batches: &Batches<'_>) {
    let convoy = batches
        .tracking(&new.bead.key)
        .first()
        .map(|convoy| convoy.name_any());
    let labels = [
        (
            label::MANAGED_BY,
            Some(label::MANAGED_BY_BEADLET.to_owned()),
        ),
        (work::RIG, Some(rig.name_any())),
        (work::BEAD, Some(new.bead.key.id.clone())),
        (work::ATTEMPT, Some(new.attempt.to_string())),
        (work::CONVOY, convoy),
        (label::STORE, new.bead.store.clone()),
    ];
    let fitting = labels.into_iter().filter_map(|(key, value)| {
        Some((key.to_owned(), value.filter(|value| fits_label(value))?))
    });
    polecat.labels_mut().extend(fitting);
    let annotations = [
        (work::REVISION, new.bead.revision.as_str()),
        (work::BECAUSE, new.because.as_str()),
    ];
    polecat
        .annotations_mut()
        .extend(annotations.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::attempt::{Attempt, Because};
    use super::super::fixture::{bead, convoy, rig};
    use super::super::slot::PolecatKey;
    use super::*;

    fn born(runner: Runner) -> Polecat {
        with_new(|new, rig, batches| newborn(new, rig, batches, runner))
    }

    fn with_new(make: impl FnOnce(&NewPolecat<'_>, &Rig, &Batches<'_>) -> Polecat) -> Polecat {
        let rig = rig(
            "gastown",
            json!({"polecatTemplate": {
                "metadata": {"labels": {"team": "blue"}, "annotations": {"note": "n"}},
                "spec": {"agent": "opencode", "kubernetes": {"gitSecretRef": {"name": "git"}}},
            }}),
        );
        let (bead, waves) = (bead("gt-1"), [convoy("wave", &["gt-1"], 0)]);
        let key = PolecatKey {
            namespace: "ns".into(),
            name: "gt-1-2".into(),
        };
        let new = NewPolecat {
            key,
            bead: &bead,
            attempt: 2,
            because: Because::Changed,
            branch: Some("polecat/gt-1-1".into()),
        };
        make(&new, &rig, &Batches::of(&waves))
    }

    #[test]
    fn polecat_says_what_it_is_and_where_it_goes_on_and_leaves_the_rest_to_its_rig() {
        let polecat = born(Runner::Beadlet);
        assert_eq!((polecat.number(), polecat.because()), (2, Because::Changed));
        assert_eq!(polecat.spec.rig.as_deref(), Some("gastown"));
        let own = Kubernetes {
            work_branch: Some("polecat/gt-1-1".into()),
            ..Kubernetes::default()
        };
        assert_eq!(polecat.spec.kubernetes, Some(own));
        let labels = polecat.labels();
        assert_eq!(
            (
                labels["convoy"].as_str(),
                labels["team"].as_str(),
                labels[label::STORE].as_str()
            ),
            ("wave", "blue", "store")
        );
        assert!(
            polecat.is_dispatched()
                && polecat.finalizers().len() == 1
                && polecat.revision().is_some()
        );
    }

    #[test]
    fn polecat_for_gastown_operator_says_everything_itself() {
        let polecat = born(Runner::Operator);
        let kubernetes = polecat.spec.kubernetes.as_ref().unwrap();
        assert_eq!(
            kubernetes.git_repository.as_deref(),
            Some("https://git.example.com/gt.git")
        );
        assert_eq!(kubernetes.git_secret_ref.as_ref().unwrap().name, "git");
        assert_eq!(kubernetes.work_branch, None);
        assert!(polecat.spec.agent.is_some() && polecat.finalizers().is_empty());
    }

    #[test]
    fn polecat_that_a_person_asked_for_is_their_own() {
        let task = Some("be quick".to_owned());
        let polecat = with_new(|new, rig, batches| by_hand(new, rig, batches, task));
        assert!(!polecat.is_dispatched() && polecat.finalizers().is_empty());
        assert_eq!(polecat.spec.task_description.as_deref(), Some("be quick"));
        assert_eq!(polecat.number(), 2);
        assert!(polecat.spec.kubernetes.unwrap().git_secret_ref.is_some());
    }
}
