//! What the three containers of a pod, and whoever starts and reads them, agree on.

mod earlier;
mod exit;
mod outcome;
pub mod places;
mod report;

pub use earlier::Earlier;
pub use exit::ExitCode;
pub use outcome::Outcome;
pub use places::Workspace;
pub use report::{Report, Tokens, Usage, Work, shortened};
