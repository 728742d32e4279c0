//! Which objects somebody else may have changed, going by the versions in which they were seen.

use std::collections::{HashMap, HashSet};

use beadlet_store::cluster::{ResourceVersion, Sighting};

use super::observed::Observed;

/// The last thing seen of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    There(ResourceVersion),
    /// Deleted, or without the labels by which we find it.
    Lost(ResourceVersion),
}

/// All our objects, as a list found them.
#[derive(Clone, Debug)]
pub struct Census {
    pub there: Vec<Sighting>,
    pub version: ResourceVersion,
}

/// The names of objects that must be read: seen in another version than the one that the table knows. What our own writes
/// left behind is no newer than what their answers said, so it is not among them.
#[must_use]
pub fn suspects(
    observed: &Observed,
    seen: &HashMap<Box<str>, Sight>,
    census: Option<&Census>,
) -> HashSet<Box<str>> {
    let seen = seen
        .iter()
        .filter(|(name, sight)| is_suspect(observed, name, sight));
    let mut suspects: HashSet<Box<str>> = seen.map(|(name, _)| name.clone()).collect();
    if let Some(census) = census {
        suspects.extend(differing(observed, census));
        suspects.extend(missing(observed, census));
    }
    suspects
}

fn is_suspect(observed: &Observed, name: &str, sight: &Sight) -> bool {
    match (observed.version(name), sight) {
        (Some(known), Sight::There(seen) | Sight::Lost(seen)) => seen.is_newer_than(known),
        (None, Sight::There(_)) => true,
        (None, Sight::Lost(_)) => false,
    }
}

fn differing<'a>(
    observed: &'a Observed,
    census: &'a Census,
) -> impl Iterator<Item = Box<str>> + 'a {
    let differing = census
        .there
        .iter()
        .filter(|s| match observed.version(&s.name) {
            Some(known) => s.version.is_newer_than(known),
            None => true,
        });
    differing.map(|s| s.name.clone())
}

/// What the table knows and the list does not have, but for what was written after the list.
fn missing<'a>(observed: &'a Observed, census: &'a Census) -> impl Iterator<Item = Box<str>> + 'a {
    let there: HashSet<&str> = census.there.iter().map(|s| &*s.name).collect();
    let missing = observed.our_names().filter(move |name| {
        let older = observed
            .version(name)
            .is_some_and(|known| census.version.is_newer_than(known));
        older && !there.contains(name)
    });
    missing.map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::super::observed::tests::{hash, identity};
    use super::*;

    fn observed() -> Observed {
        let mut observed = Observed::default();
        observed.wrote("a", identity(10), hash(1), Vec::new());
        observed.wrote("b", identity(20), hash(1), Vec::new());
        observed
    }

    fn version(of: u64) -> ResourceVersion {
        ResourceVersion::new(&of.to_string())
    }

    fn check(seen: &[(&str, Sight)], census: Option<&Census>, expected: &[&str]) {
        let seen = seen
            .iter()
            .map(|(name, sight)| ((*name).into(), sight.clone()))
            .collect();
        let mut found: Vec<_> = suspects(&observed(), &seen, census)
            .into_iter()
            .map(String::from)
            .collect();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_echo_of_our_own_write_is_not_suspect() {
        check(&[("a", Sight::There(version(10)))], None, &[]);
        check(&[("a", Sight::There(version(9)))], None, &[]);
        check(&[("c", Sight::Lost(version(30)))], None, &[]);
    }

    #[test]
    fn a_version_that_we_did_not_write_is_suspect() {
        check(&[("a", Sight::There(version(11)))], None, &["a"]);
        check(&[("a", Sight::Lost(version(11)))], None, &["a"]);
        check(&[("c", Sight::There(version(11)))], None, &["c"]);
    }

    #[test]
    fn a_list_shows_what_was_missed() {
        let sighting = |name: &str, of| Sighting {
            name: name.into(),
            uid: "u".into(),
            version: version(of),
        };
        let census = Census {
            there: vec![sighting("a", 12), sighting("d", 3)],
            version: version(25),
        };
        check(&[], Some(&census), &["a", "b", "d"]);
        let earlier = Census {
            there: vec![sighting("a", 10)],
            version: version(15),
        };
        check(&[], Some(&earlier), &[]);
    }
}
