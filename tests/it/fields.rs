//! Every field of every spec has an effect.
//!
//! A table for each kind has a row for each leaf of its generated schema: a value to change it to, and where that shows in what is
//! decided about the object. Both objects of a row, before and after the change, are first given to the API server, so that what is
//! looked at is what a controller would get. A field without a row fails the test, and so does a row without a field.

mod beadstore;
mod convoy;
mod polecat;
mod rig;
mod scene;
mod schema;
mod table;
mod template;
