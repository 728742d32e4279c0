//! What Polecats do is committed to the issue file.

mod aside;
mod by_hand;
mod corpus;
mod scale;
mod story;
