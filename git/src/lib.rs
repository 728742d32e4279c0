//! A git server: its address, how to log in, whom to expect there, and the way to it underneath libgit2.
//!
//! The mirror reads issue files over it, and the worker brings and pushes whole projects. There is no Kubernetes in here.

mod access;
pub mod known_hosts;
mod pack;
mod reason;
mod secret;
mod url;
pub mod webhook;
mod wire;

pub use access::{Access, Auth, CaBundle, Proxy, SettingsError};
pub use known_hosts::KnownHosts;
pub use pack::Pack;
pub use reason::Reason;
pub use secret::Secret;
pub use url::{GitUrl, Place, RemoteUrl, Scheme, UrlError};
pub use wire::{
    Answer, ExchangeError, Limits, Update, Wire, WireError, authorization, is_disk_full,
};
