//! Which file of a commit holds the issues.
