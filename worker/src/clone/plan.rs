//! From the branches of the server to what is fetched.

use git2::{Oid, Repository};

use crate::branches::{BranchError, Branches};
use crate::server::Refs;

/// What is fetched and where the work starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) base_branch: String,
    pub(crate) base: Oid,
    pub(crate) work_branch: String,
    /// Where an earlier attempt left the work branch.
    pub(crate) earlier: Option<Oid>,
}

/// Why there is nothing to start from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("the repository has no commits: push a first one to start from")]
    Empty,
    #[error("the repository has no branch {branch}{}", default_text(.default.as_deref()))]
    NoBranch {
        branch: String,
        default: Option<String>,
    },
    #[error("the server names no default branch: say which branch to start from")]
    NoDefault,
    #[error(transparent)]
    Branch(#[from] BranchError),
}

fn default_text(default: Option<&str>) -> String {
    default
        .map(|branch| format!(": its default branch is {branch}"))
        .unwrap_or_default()
}

/// The plan for these branches. Work that an earlier attempt pushed is gone on from.
pub(crate) fn plan(refs: &Refs, branches: &Branches) -> Result<Plan, PlanError> {
    if refs.branches.is_empty() {
        return Err(PlanError::Empty);
    }
    branches.check_default(refs.default.as_deref())?;
    let base_branch = branches
        .base
        .clone()
        .or_else(|| refs.default.clone())
        .ok_or(PlanError::NoDefault)?;
    let Some(&base) = refs.branches.get(&base_branch) else {
        let default = refs
            .default
            .clone()
            .filter(|default| *default != base_branch);
        return Err(PlanError::NoBranch {
            branch: base_branch,
            default,
        });
    };
    let earlier = refs.branches.get(&branches.work).copied();
    Ok(Plan {
        base_branch,
        base,
        work_branch: branches.work.clone(),
        earlier,
    })
}

impl Plan {
    pub(crate) fn start(&self) -> Oid {
        self.earlier.unwrap_or(self.base)
    }

    /// The plan for where the branches were when they were fetched: somebody may have moved them since they were listed.
    pub(crate) fn when_fetched(self, repository: &Repository) -> Result<Self, git2::Error> {
        let fetched = |branch: &str| repository.refname_to_id(&remote(branch));
        Ok(Self {
            base: fetched(&self.base_branch)?,
            earlier: self
                .earlier
                .map(|_| fetched(&self.work_branch))
                .transpose()?,
            ..self
        })
    }

    pub(crate) fn refspecs(&self) -> Vec<String> {
        let spec = |branch: &str| format!("+refs/heads/{branch}:{}", remote(branch));
        let mut refspecs = vec![spec(&self.base_branch)];
        if self.earlier.is_some() && self.work_branch != self.base_branch {
            refspecs.push(spec(&self.work_branch));
        }
        refspecs
    }
}

/// Where a branch of the server is after it was fetched.
fn remote(branch: &str) -> String {
    format!("refs/remotes/origin/{branch}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::branches::Guard;

    fn refs(default: Option<&str>, branches: &[(&str, u8)]) -> Refs {
        let id = |byte| Oid::from_bytes(&[byte; 20]).unwrap();
        Refs {
            default: default.map(str::to_owned),
            branches: branches
                .iter()
                .map(|&(name, byte)| (name.to_owned(), id(byte)))
                .collect(),
        }
    }

    fn branches(base: &str) -> Branches {
        Branches::new(base, "work", "", Guard::On).unwrap()
    }

    #[test]
    fn first_attempt_starts_from_the_base() {
        let refs = refs(Some("main"), &[("main", 1), ("develop", 2)]);
        let planned = plan(&refs, &branches("develop")).unwrap();
        assert_eq!(
            (planned.start(), planned.earlier),
            (refs.branches["develop"], None)
        );
        assert_eq!(
            planned.refspecs(),
            ["+refs/heads/develop:refs/remotes/origin/develop"]
        );
    }

    #[test]
    fn later_attempt_goes_on_from_what_was_pushed() {
        let refs = refs(Some("main"), &[("main", 1), ("work", 2)]);
        let planned = plan(&refs, &branches("main")).unwrap();
        assert_eq!(planned.start(), refs.branches["work"]);
        assert_eq!(planned.refspecs().len(), 2);
    }

    #[test]
    fn work_starts_from_where_the_branches_were_when_they_were_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init_bare(folder.path()).unwrap();
        let someone = git2::Signature::now("someone", "someone@example.com").unwrap();
        let tree = repository.treebuilder(None).unwrap().write().unwrap();
        let tree = repository.find_tree(tree).unwrap();
        let commit = |branch: &str| {
            let name = format!("refs/remotes/origin/{branch}");
            repository
                .commit(Some(&name), &someone, &someone, branch, &tree, &[])
                .unwrap()
        };
        let (base, work) = (commit("main"), commit("work"));
        let listed = refs(Some("main"), &[("main", 1), ("work", 2)]);
        let planned = plan(&listed, &branches("main")).unwrap();
        let fetched = planned.when_fetched(&repository).unwrap();
        assert_eq!((fetched.base, fetched.start()), (base, work));

        let first = plan(&refs(Some("main"), &[("main", 1)]), &branches("main")).unwrap();
        let fetched = first.when_fetched(&repository).unwrap();
        assert_eq!((fetched.start(), fetched.earlier), (base, None));
    }

    #[test]
    fn without_a_base_the_default_branch_is_the_base() {
        let plan = plan(&refs(Some("trunk"), &[("trunk", 1)]), &branches("")).unwrap();
        assert_eq!(plan.base_branch, "trunk");
    }

    #[test]
    fn branch_that_is_not_there_is_named_beside_the_default() {
        let refs = refs(Some("trunk"), &[("trunk", 1)]);
        let error = plan(&refs, &branches("main")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the repository has no branch main: its default branch is trunk"
        );
    }

    #[test]
    fn empty_repository_has_nothing_to_start_from() {
        assert_eq!(
            plan(&refs(Some("main"), &[]), &branches("main")),
            Err(PlanError::Empty)
        );
        assert_eq!(
            plan(&refs(None, &[("x", 1)]), &branches("")),
            Err(PlanError::NoDefault)
        );
    }

    #[test]
    fn default_branch_is_not_worked_on() {
        let refs = refs(Some("work"), &[("main", 1), ("work", 2)]);
        assert!(matches!(
            plan(&refs, &branches("main")),
            Err(PlanError::Branch(_))
        ));
    }
}
