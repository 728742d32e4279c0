//! What Polecats do is committed to the issue file.

mod corpus;
mod story;
