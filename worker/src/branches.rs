//! The branches of an attempt: the one it starts from and the one it is pushed to.

/// What a name must look like to be a branch.
const RULES: &str = "a branch name has no blanks, no control characters, none of ~^:?*[\\ and no part that starts with a dot or ends with .lock";

/// The branch that the work starts from and the branch that it is pushed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branches {
    /// `None`: the one that the server's HEAD names.
    pub base: Option<String>,
    pub work: String,
    pub guard: Guard,
}

/// Whether the work may go to the branch that it starts from, or to the server's default branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    On,
    Off,
}

/// Why branches cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BranchError {
    #[error("{name:?} is no branch name: {RULES}")]
    Invalid { name: String },
    #[error("the work would be pushed to {branch}, {what}: choose another workBranch, or allow it")]
    Guarded { branch: String, what: &'static str },
    #[error("no work branch is given and no Polecat to name it after")]
    NoWork,
}

impl Branches {
    /// The branches for these settings. Without a work branch it is `polecat/<polecat>`; an empty base is none.
    ///
    /// # Errors
    /// When a name is no branch name, or the work would go where it must not.
    pub fn new(base: &str, work: &str, polecat: &str, guard: Guard) -> Result<Self, BranchError> {
        let work = match (work, polecat) {
            ("", "") => return Err(BranchError::NoWork),
            ("", polecat) => format!("polecat/{polecat}"),
            (work, _) => short(work).to_owned(),
        };
        let base = Some(short(base))
            .filter(|base| !base.is_empty())
            .map(str::to_owned);
        for name in base.iter().chain([&work]) {
            if !git2::Branch::name_is_valid(name).unwrap_or(false) {
                return Err(BranchError::Invalid { name: name.clone() });
            }
        }
        let branches = Self { base, work, guard };
        branches.check(branches.base.as_deref(), "the branch it starts from")?;
        Ok(branches)
    }

    /// Refuses to work on the server's default branch.
    ///
    /// # Errors
    /// When the work branch is that branch and the guard is on.
    pub fn check_default(&self, default: Option<&str>) -> Result<(), BranchError> {
        self.check(default, "the server's default branch")
    }

    fn check(&self, branch: Option<&str>, what: &'static str) -> Result<(), BranchError> {
        if self.guard == Guard::On && branch == Some(self.work.as_str()) {
            return Err(BranchError::Guarded {
                branch: self.work.clone(),
                what,
            });
        }
        Ok(())
    }

    /// Where the work goes when somebody else moved its branch: named by the commit, so that a repeat finds it again.
    #[must_use]
    pub fn beside(&self, commit: &str) -> String {
        format!("{}-{}", self.work, commit.get(..12).unwrap_or(commit))
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branches(base: &str, work: &str, polecat: &str) -> Result<Branches, BranchError> {
        Branches::new(base, work, polecat, Guard::On)
    }

    #[test]
    fn work_branch_is_named_after_the_polecat_unless_given() {
        assert_eq!(
            branches("main", "", "gt-1-2").unwrap().work,
            "polecat/gt-1-2"
        );
        assert_eq!(branches("main", "fix/x", "gt-1-2").unwrap().work, "fix/x");
        assert_eq!(
            branches("refs/heads/main", "refs/heads/fix", "").unwrap(),
            branches("main", "fix", "").unwrap()
        );
        assert_eq!(branches("main", "", ""), Err(BranchError::NoWork));
    }

    #[test]
    fn names_that_are_no_branches_are_refused() {
        for name in [
            "-x", "a b", "a..b", "a~1", "a:b", ".a", "a.lock", "a/", "/a", "@{", "HEAD",
        ] {
            assert_eq!(
                branches("main", name, ""),
                Err(BranchError::Invalid { name: name.into() }),
                "{name}"
            );
            assert_eq!(
                branches(name, "w", ""),
                Err(BranchError::Invalid { name: name.into() }),
                "{name}"
            );
        }
    }

    #[test]
    fn base_and_default_branch_are_guarded_unless_allowed() {
        assert!(matches!(
            branches("main", "main", ""),
            Err(BranchError::Guarded { .. })
        ));
        assert!(matches!(
            branches("main", "refs/heads/main", ""),
            Err(BranchError::Guarded { .. })
        ));
        let other = branches("develop", "main", "").unwrap();
        assert!(matches!(
            other.check_default(Some("main")),
            Err(BranchError::Guarded { .. })
        ));
        assert_eq!(other.check_default(Some("trunk")), Ok(()));
        let allowed = Branches::new("main", "main", "", Guard::Off).unwrap();
        assert_eq!(allowed.check_default(Some("main")), Ok(()));
    }

    #[test]
    fn branch_beside_is_the_same_for_the_same_commit() {
        let branches = branches("main", "polecat/a", "").unwrap();
        assert_eq!(
            branches.beside("0123456789abcdef0123456789abcdef01234567"),
            "polecat/a-0123456789ab"
        );
    }
}
