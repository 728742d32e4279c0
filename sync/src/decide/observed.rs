//! What is known of the cluster: a compact table of our objects, each at the version at which its content was seen.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use beadlet_store::cluster::{Identity, OwnKey, Ownership, Prior, ResourceVersion, Stored};
use beadlet_store::configmap::ContentHash;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

/// The table. About 250 bytes an object; nothing of the content is kept.
#[derive(Debug, Default)]
pub struct Observed {
    entries: HashMap<Box<str>, Entry>,
    /// Each label key once: thousands of objects carry the same few.
    words: HashSet<Arc<str>>,
    ours: usize,
}

#[derive(Debug)]
struct Entry {
    identity: Identity,
    state: State,
}

#[derive(Debug)]
enum State {
    Ours(Content),
    /// Ours, deleted, and kept by a finalizer.
    Terminating,
    /// Somebody else's object under a name that we need.
    Foreign,
}

#[derive(Debug)]
struct Content {
    hash: ContentHash,
    keys: Box<[OwnKey]>,
    owners: Option<Box<[OwnerReference]>>,
}

/// How an object stands to what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Missing,
    Equal,
    Different,
    Terminating,
    Foreign,
}

impl Observed {
    /// Objects of this mirror.
    #[must_use]
    pub fn ours(&self) -> usize {
        self.ours
    }

    /// How the object `name` stands to the wanted `hash`.
    #[must_use]
    pub fn standing(&self, name: &str, hash: ContentHash) -> Standing {
        match self.entries.get(name).map(|entry| &entry.state) {
            None => Standing::Missing,
            Some(State::Foreign) => Standing::Foreign,
            Some(State::Terminating) => Standing::Terminating,
            Some(State::Ours(content)) if content.hash == hash && content.owners.is_none() => {
                Standing::Equal
            }
            Some(State::Ours(_)) => Standing::Different,
        }
    }

    /// The names of our objects, in no order.
    pub fn our_names(&self) -> impl Iterator<Item = &str> {
        let ours = self
            .entries
            .iter()
            .filter(|(_, e)| matches!(e.state, State::Ours(_)));
        ours.map(|(name, _)| &**name)
    }

    /// The names that somebody else's objects hold, in no order.
    pub fn foreign_names(&self) -> impl Iterator<Item = &str> {
        let foreign = self
            .entries
            .iter()
            .filter(|(_, e)| matches!(e.state, State::Foreign));
        foreign.map(|(name, _)| &**name)
    }

    /// All names in the table with their versions, in no order.
    pub fn versions(&self) -> impl Iterator<Item = (&str, &ResourceVersion)> {
        self.entries
            .iter()
            .map(|(name, entry)| (&**name, &entry.identity.version))
    }

    #[must_use]
    pub fn version(&self, name: &str) -> Option<&ResourceVersion> {
        self.entries.get(name).map(|entry| &entry.identity.version)
    }

    /// What a change of our object `name` has to know; `None` when there is no such object.
    #[must_use]
    pub fn prior(&self, name: &str) -> Option<Prior> {
        let entry = self.entries.get(name)?;
        let State::Ours(content) = &entry.state else {
            return None;
        };
        Some(Prior {
            identity: entry.identity.clone(),
            keys: content.keys.to_vec(),
            owners: content.owners.clone(),
        })
    }

    /// Takes in an object that was read.
    ///
    /// Says whether that is news: `false` when it holds what the table said of it.
    pub fn read(&mut self, stored: Stored) -> bool {
        let news = match self.entries.get(&stored.name).map(|e| &e.state) {
            Some(State::Ours(known)) => {
                stored.ownership != Ownership::Ours
                    || stored.terminating
                    || known.hash != stored.hash
                    || stored.owners.is_some()
            }
            Some(State::Terminating) => !stored.terminating,
            Some(State::Foreign) => stored.ownership == Ownership::Ours,
            None => true,
        };
        let state = match stored.ownership {
            Ownership::Ours if stored.terminating => State::Terminating,
            Ownership::Ours => State::Ours(Content {
                hash: stored.hash,
                keys: self.share(stored.keys),
                owners: stored.owners,
            }),
            Ownership::OtherStore | Ownership::Foreign => State::Foreign,
        };
        self.put(stored.name, stored.identity, state);
        news
    }

    /// Takes in what the API server answered to a write of ours.
    pub fn wrote(&mut self, name: &str, identity: Identity, hash: ContentHash, keys: Vec<OwnKey>) {
        let keys = self.share(keys);
        let content = Content {
            hash,
            keys,
            owners: None,
        };
        self.put(name.into(), identity, State::Ours(content));
    }

    /// Takes in that an object of ours is deleted, but not gone yet.
    pub fn is_terminating(&mut self, name: &str, identity: Identity) {
        self.put(name.into(), identity, State::Terminating);
    }

    /// Takes in that somebody else's object has the name.
    pub fn is_foreign(&mut self, name: &str, identity: Identity) {
        self.put(name.into(), identity, State::Foreign);
    }

    /// Takes in that there is no object of that name. Says whether there was one in the table.
    pub fn is_gone(&mut self, name: &str) -> bool {
        let gone = self.entries.remove(name);
        self.ours -= usize::from(
            gone.as_ref()
                .is_some_and(|e| matches!(e.state, State::Ours(_))),
        );
        gone.is_some()
    }

    fn put(&mut self, name: Box<str>, identity: Identity, state: State) {
        self.ours += usize::from(matches!(state, State::Ours(_)));
        let before = self.entries.insert(name, Entry { identity, state });
        self.ours -= usize::from(before.is_some_and(|e| matches!(e.state, State::Ours(_))));
    }

    fn share(&mut self, keys: Vec<OwnKey>) -> Box<[OwnKey]> {
        let mut shared = |word: Arc<str>| match self.words.get(&word) {
            Some(known) => Arc::clone(known),
            None => {
                self.words.insert(Arc::clone(&word));
                word
            }
        };
        let keys = keys.into_iter().map(|key| match key {
            OwnKey::Label(word) => OwnKey::Label(shared(word)),
            OwnKey::Annotation(word) => OwnKey::Annotation(shared(word)),
            OwnKey::Data(word) => OwnKey::Data(shared(word)),
        });
        keys.collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn identity(version: u64) -> Identity {
        Identity {
            uid: "u".into(),
            version: ResourceVersion::new(&version.to_string()),
        }
    }

    pub(crate) fn hash(content: u8) -> ContentHash {
        ContentHash([content; 32])
    }

    fn stored(name: &str, content: u8, ownership: Ownership) -> Stored {
        Stored {
            name: name.into(),
            identity: identity(7),
            ownership,
            terminating: false,
            immutable: false,
            hash: hash(content),
            keys: vec![OwnKey::Label("bead-label/a".into())],
            owners: None,
        }
    }

    #[test]
    fn an_object_read_again_is_news_only_when_its_content_differs() {
        let mut observed = Observed::default();
        assert!(observed.read(stored("a", 1, Ownership::Ours)));
        assert!(!observed.read(stored("a", 1, Ownership::Ours)));
        assert!(observed.read(stored("a", 2, Ownership::Ours)));
        assert!(observed.read(stored("a", 2, Ownership::Foreign)));
        assert_eq!(observed.ours(), 0);
    }

    #[test]
    fn our_objects_are_counted_whatever_becomes_of_them() {
        let mut observed = Observed::default();
        observed.wrote("a", identity(1), hash(1), Vec::new());
        observed.wrote("a", identity(2), hash(2), Vec::new());
        observed.wrote("b", identity(3), hash(1), Vec::new());
        assert_eq!(observed.ours(), 2);
        observed.is_terminating("a", identity(4));
        assert_eq!(observed.ours(), 1);
        assert!(observed.is_gone("a"));
        assert!(observed.is_gone("b"));
        assert!(!observed.is_gone("b"));
        assert_eq!(observed.ours(), 0);
    }

    #[test]
    fn label_keys_are_kept_once() {
        let mut observed = Observed::default();
        observed.read(stored("a", 1, Ownership::Ours));
        observed.read(stored("b", 1, Ownership::Ours));
        assert_eq!(observed.words.len(), 1);
        let word = observed.words.iter().next().unwrap();
        assert_eq!(Arc::strong_count(word), 3);
    }
}
