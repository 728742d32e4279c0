//! Convoys that live in git: an issue of type `convoy` with `tracks` edges to its members.

use crate::issue::IssueId;
use crate::reader::Reading;

/// A convoy of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitConvoy {
    pub id: IssueId,
    /// Member ids in file order, without repeats; `external:` references reduced to the id.
    pub members: Vec<IssueId>,
}

/// All convoys of the file, in file order.
#[must_use]
pub fn convoys(_reading: &Reading<'_>) -> Vec<GitConvoy> {
    todo!()
}

/// The id an edge's target names: the third field of an `external:` reference, else the target itself.
#[must_use]
pub fn target_id(_depends_on_id: &str) -> &str {
    todo!()
}
