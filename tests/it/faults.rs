//! Bad input and bad luck, through the real program: nothing is lost, nothing is written twice, and each is said.

mod crash;
mod odd;
mod place;
mod refused;
mod server;
