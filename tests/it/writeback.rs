//! What Polecats do is committed to the issue file.

mod aside;
mod corpus;
mod story;
