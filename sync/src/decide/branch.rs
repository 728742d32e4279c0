//! Which branch of the repository holds the issues.
