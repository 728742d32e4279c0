//! The one source of randomness: it spreads waits, nothing else hangs on it.

use std::hash::{BuildHasher, RandomState};

/// A number from 0 to 1, another one each time.
pub(crate) fn chance() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0))
        / f64::from(u32::MAX)
}
