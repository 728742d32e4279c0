//! Real pods on a real node. Where no node can be, `make test` leaves these out by the name of this module, and says so.

mod by_hand;
mod cluster;
mod failures;
mod installed;
mod moments;
mod node;
mod scene;
mod secrets;
mod servers;
mod story;
