//! Real pods on a real node. Where no node can be, `make test` leaves these out by the name of this module, and says so.

mod cluster;
mod installed;
mod node;
mod scene;
mod secrets;
mod story;
